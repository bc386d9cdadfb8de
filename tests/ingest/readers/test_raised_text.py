"""Raised and lowered text: a line keeps its figures, whatever stands above or below them."""

from __future__ import annotations

import re
from io import BytesIO

import pytest

from ingest.readers import READERS
from ingest.readers.raised_text import lowered, noted, raised, resolved
from ingest.sniff import package_types
from ingest.types import ReadOptions
from tests.ingest.readers.office_samples import docx, odf, pptx, xlsx


def _resolved(line: str) -> str:
    """The line with `^{…}`, `_{…}` and `@{…}` marked as raised, lowered and noted."""
    marks = {"^": raised, "_": lowered, "@": noted}
    return resolved(re.sub(r"([\^_@])\{([^}]*)\}", lambda m: marks[m[1]](m[2]), line))


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ("3 x 10^{6} litres", "3 x 10^6 litres"),
        ("10^{−}^{6} mol", "10^−6 mol"),
        ("about 10^{6} and 10^{9} cells", "about 10^6 and 10^9 cells"),
        ("overflows at 2^{32} events", "overflows at 2^32 events"),
        ("3.5 × 10^{12} and 3.5 · 10^{-3}", "3.5 × 10^12 and 3.5 · 10^-3"),
        ("(1+i)^{n} times", "(1+i)^n times"),
        ("25 m^{2}, kg/m^{3}, s^{-1}", "25 m², kg/m³, s⁻¹"),
        ("x^{2} + y^{2}, E=mc^{2}", "x² + y², E=mc²"),
    ],
)
def test_a_power_stays_a_power(line, written):
    assert _resolved(line) == written


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ("is 50^{1} EUR", "is 50 [1] EUR"),
        ("is 10^{2} EUR", "is 10 [2] EUR"),
        ("400^{12} users", "400 [12] users"),
        ("1.05^{10} more", "1.05 [10] more"),
        ("50^{*} and 60^{a} and 70^{1,2}", "50 [*] and 60 [a] and 70 [1,2]"),
        ("50@{1} EUR", "50 [1] EUR"),
        ("the fee^{1}, see (annex)^{3}.", "the fee[1], see (annex)[3]."),
        ("費用は50円^{1}です", "費用は50円[1]です"),
        ("^{1} Refunded on return.", "[1] Refunded on return."),
    ],
)
def test_a_note_mark_never_grows_into_a_figure(line, written):
    assert _resolved(line) == written


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ("20^{°}C, Name^{®}", "20°C, Name®"),
        ("the 1^{st} floor, 2^{e} étage", "the 1st floor, 2e étage"),
        ("CO_{2}, C_{6}H_{12}O_{6}", "CO2, C6H12O6"),
        ("x_{1}, V_{max}, 101_{2}", "x_1, Vmax, 101_2"),
        ("nothing raised", "nothing raised"),
        ("10^{ }litres", "10 litres"),
    ],
)
def test_letters_and_formulas_stay_as_people_write_them(line, written):
    assert _resolved(line) == written


def test_runs_that_follow_each_other_are_one_however_many_they_are():
    assert resolved("a" + raised("x") * 20_000) == "a" + "x" * 20_000


def _run(text: str, position: str = "") -> str:
    properties = f'<w:rPr><w:vertAlign w:val="{position}"/></w:rPr>' if position else ""
    return f'<w:r>{properties}<w:t xml:space="preserve">{text}</w:t></w:r>'


_DOCX = docx(
    f"<w:p>{_run('3 x 10')}{_run('6', 'superscript')}{_run(' litres at 70')}"
    f"{_run('1', 'superscript')}{_run(' EUR, CO')}{_run('2', 'subscript')}</w:p>"
)
_PPTX = pptx(
    [
        "<p:sp><p:txBody><a:p><a:r><a:t>3 x 10</a:t></a:r>"
        '<a:r><a:rPr baseline="30000"/><a:t>6</a:t></a:r><a:r><a:t> litres at 70</a:t></a:r>'
        '<a:r><a:rPr baseline="30000"/><a:t>1</a:t></a:r><a:r><a:t> EUR, CO</a:t></a:r>'
        '<a:r><a:rPr baseline="-25000"/><a:t>2</a:t></a:r></a:p></p:txBody></p:sp>'
    ]
)
_STYLES = "".join(
    '<style:style xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" '
    f'style:name="{name}">'
    f'<style:text-properties style:text-position="{position}"/></style:style>'
    for name, position in (("T1", "super 58%"), ("T2", "-33% 58%"))
)
_ODT = odf(
    "text",
    '<text:p>3 x 10<text:span text:style-name="T1">6</text:span> litres at 70'
    '<text:span text:style-name="T1">1</text:span> EUR, CO'
    '<text:span text:style-name="T2">2</text:span></text:p>',
    {"styles.xml": f"<office:document-styles NAMESPACES>{_STYLES}</office:document-styles>"},
)
_RICH = "<is>" + "".join(
    f'<r><rPr><vertAlign val="{position}"/></rPr><t>{text}</t></r>'
    for text, position in (
        ("3 x 10", "baseline"),
        ("6", "superscript"),
        (" litres at 70", "baseline"),
        ("1", "superscript"),
        (" EUR, CO", "baseline"),
        ("2", "subscript"),
    )
)
_XLSX = xlsx(
    {"S": f'<sheetData><row r="1"><c r="A1" t="inlineStr">{_RICH}</is></c></row></sheetData>'}
)
_RTF = rb"{\rtf1\ansi 3 x 10{\super 6} litres at 70{\super 1} EUR, CO\sub 2\nosupersub\par}"
_HTML = b"<p>3 x 10<sup>6</sup> litres at 70<sup>1</sup> EUR, CO<sub>2</sub></p>"


@pytest.mark.parametrize(
    ("media_type", "data"),
    [
        (package_types.DOCX, _DOCX),
        (package_types.PPTX, _PPTX),
        (package_types.XLSX, _XLSX),
        (package_types.ODT, _ODT),
        (package_types.RTF, _RTF),
        ("text/html", _HTML),
    ],
)
def test_every_format_keeps_its_figures(media_type, data):
    text = READERS[media_type](BytesIO(data), ReadOptions()).pages[0].text

    assert "3 x 10^6 litres at 70 [1] EUR, CO2" in text
