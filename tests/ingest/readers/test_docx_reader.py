"""Word documents: structure, what is left out, and what is said about it."""

from __future__ import annotations

import zipfile
from io import BytesIO

import pytest

from ingest.readers.office.docx import read_docx
from ingest.types import ReadOptions
from kb.errors import UnreadableFile
from tests.ingest.readers.docx_parts import STYLES, blocks, lines, read
from tests.ingest.readers.office_samples import OFFICE_SAMPLES, docx, paragraph, word_table, zipped


def test_headings_come_from_styles_and_outline_levels():
    found = read(
        paragraph("Above", '<w:pStyle w:val="H1"/>')
        + paragraph("Below", '<w:pStyle w:val="Own"/>')
        + paragraph("Direct", '<w:outlineLvl w:val="2"/>')
        + paragraph("Body", '<w:pStyle w:val="H1"/><w:outlineLvl w:val="9"/>'),
        styles=STYLES,
    )

    assert blocks(found) == [
        ("heading", 1, "Above"),
        ("heading", 2, "Below"),
        ("heading", 3, "Direct"),
        ("paragraph", 0, "Body"),
    ]


def test_the_title_stands_above_all_headings():
    found = read(
        paragraph("Manual", '<w:pStyle w:val="T"/>') + paragraph("One", '<w:pStyle w:val="H1"/>'),
        styles=STYLES,
    )

    assert [(level, text) for _, level, text in blocks(found)] == [(1, "Manual"), (2, "One")]


def test_numbers_are_counted_as_word_draws_them():
    levels = (
        '<w:abstractNum w:abstractNumId="0">'
        '<w:lvl w:ilvl="0"><w:numFmt w:val="chineseCounting"/><w:lvlText w:val="第%1条"/></w:lvl>'
        '<w:lvl w:ilvl="1"><w:numFmt w:val="decimal"/><w:lvlText w:val="%1.%2"/></w:lvl>'
        '<w:lvl w:ilvl="2"><w:numFmt w:val="bullet"/><w:lvlText w:val="*"/></w:lvl>'
        '</w:abstractNum><w:num w:numId="7"><w:abstractNumId w:val="0"/></w:num>'
    )

    def item(text: str, level: int) -> str:
        place = f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="7"/></w:numPr>'
        return paragraph(text, place)

    found = read(
        item("总则", 0)
        + item("a", 1)
        + item("b", 1)
        + item("附则", 0)
        + item("c", 1)
        + item("dot", 2),
        numbering=levels,
    )

    assert lines(found) == ["第一条 总则", "一.1 a", "一.2 b", "第二条 附则", "二.1 c", "dot"]
    assert {kind for kind, _, _ in blocks(found)} == {"list"}


@pytest.mark.parametrize(
    ("kind", "label"),
    [("lowerLetter", "c"), ("upperRoman", "III"), ("decimalZero", "03"), ("unknown", "3")],
)
def test_number_formats(kind, label):
    numbering = (
        f'<w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:start w:val="3"/>'
        f'<w:numFmt w:val="{kind}"/><w:lvlText w:val="%1)"/></w:lvl></w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
    )

    found = read(paragraph("x", '<w:numPr><w:numId w:val="1"/></w:numPr>'), numbering=numbering)

    assert lines(found) == [f"{label}) x"]


def test_rows_of_a_table_carry_the_header():
    found = read(word_table([["part", "price"], ["seal", "3"], ["valve", "4"]]))

    assert blocks(found) == [
        ("table", 0, "part: seal | price: 3"),
        ("table", 0, "part: valve | price: 4"),
    ]


def test_merged_cells_are_repeated_where_a_reader_sees_them():
    def cell(text: str, properties: str = "") -> str:
        return f"<w:tc><w:tcPr>{properties}</w:tcPr>{paragraph(text)}</w:tc>"

    wide, first, next_one = '<w:gridSpan w:val="2"/>', '<w:vMerge w:val="restart"/>', "<w:vMerge/>"
    found = read(
        "<w:tbl>"
        f"<w:tr>{cell('Region', first)}{cell('2023', wide)}</w:tr>"
        f"<w:tr>{cell('', next_one)}{cell('Plan')}{cell('Real')}</w:tr>"
        f"<w:tr>{cell('North', first)}{cell('1')}{cell('2')}</w:tr>"
        f"<w:tr>{cell('', next_one)}{cell('3')}{cell('4')}</w:tr>"
        "</w:tbl>"
    )

    assert lines(found) == [
        "Region: North | 2023 / Plan: 1 | 2023 / Real: 2",
        "Region: North | 2023 / Plan: 3 | 2023 / Real: 4",
    ]


def test_a_table_in_a_table_follows_it_and_one_column_is_no_table():
    inner = word_table([["x", "y"], ["1", "2"]])
    outer = f"<w:tbl><w:tr><w:tc>{paragraph('a')}</w:tc><w:tc>{paragraph('b')}{inner}</w:tc></w:tr>"
    outer += f"<w:tr><w:tc>{paragraph('c')}</w:tc><w:tc>{paragraph('d')}</w:tc></w:tr></w:tbl>"

    assert lines(read(outer)) == ["a: c | b: d", "x: 1 | y: 2"]
    assert blocks(read(word_table([["only"]]))) == [("paragraph", 0, "only")]


def test_pages_follow_explicit_and_recorded_breaks_without_counting_one_twice():
    explicit = '<w:p><w:r><w:t>one</w:t><w:br w:type="page"/></w:r></w:p>'
    recorded = "<w:p><w:r><w:lastRenderedPageBreak/><w:t>two a</w:t></w:r>"
    recorded += "<w:r><w:lastRenderedPageBreak/><w:t>three</w:t></w:r></w:p>"

    found = read(explicit + recorded + paragraph("four", "<w:pageBreakBefore/>"))

    assert [page.text for page in found.pages] == ["one", "two a", "three", "four"]


def test_a_recorded_break_in_a_table_turns_the_page_and_keeps_the_header():
    broken = "<w:tr><w:tc><w:p><w:r><w:lastRenderedPageBreak/><w:t>valve</w:t></w:r></w:p></w:tc>"
    broken += f"<w:tc>{paragraph('4')}</w:tc></w:tr></w:tbl>"
    table = word_table([["part", "price"], ["seal", "3"]]).replace("</w:tbl>", broken)

    found = read(table)

    assert [page.text for page in found.pages] == [
        "part: seal | price: 3",
        "part: valve | price: 4",
    ]


def test_content_controls_and_formulas_are_read():
    fraction = (
        "<m:f><m:num><m:r><m:t>a</m:t></m:r></m:num><m:den><m:r><m:t>b</m:t></m:r></m:den></m:f>"
    )
    found = read(
        f"<w:sdt><w:sdtPr/><w:sdtContent>{paragraph('control')}</w:sdtContent></w:sdt>"
        f"<w:p><m:oMath>{fraction}</m:oMath></w:p>"
    )

    assert lines(found) == ["control", "a/b"]


def test_the_strict_variant_is_read():
    data = docx(paragraph("strict"))
    with zipfile.ZipFile(BytesIO(data)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    old = b"http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    new = b"http://purl.oclc.org/ooxml/wordprocessingml/main"
    parts["word/document.xml"] = parts["word/document.xml"].replace(old, new)

    assert read_docx(BytesIO(zipped(parts)), ReadOptions()).pages[0].text == "strict"


@pytest.mark.parametrize(
    "inner",
    [
        '<!DOCTYPE w [<!ENTITY a "b">]><w/>',
        '<?xml version="1.0"?>\n<!-- x --><!DOCTYPE w SYSTEM "file:///etc/passwd"><w/>',
        '<?xml version="1.0" encoding="UTF-7"?><w/>',
    ],
)
def test_a_document_type_or_an_odd_encoding_is_refused_before_parsing(inner):
    with pytest.raises(UnreadableFile) as refused:
        read_docx(_with_document(inner.encode()), ReadOptions())
    assert refused.value.code == "xml_refused"


def test_a_document_type_cannot_hide_in_utf16():
    inner = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE w [<!ENTITY a "b">]><w/>'
    with pytest.raises(UnreadableFile) as refused:
        read_docx(_with_document(inner.encode("utf-16")), ReadOptions())
    assert refused.value.code == "xml_refused"


def test_deep_nesting_ends_with_a_sentence():
    deep = "<w:tbl><w:tr><w:tc>" * 600 + paragraph("x") + "</w:tc></w:tr></w:tbl>" * 600

    with pytest.raises(UnreadableFile) as refused:
        read(deep)
    assert refused.value.code == "damaged_file"


def test_another_kind_of_file_says_what_it_is():
    workbook = next(data for name, data in OFFICE_SAMPLES.values() if name.endswith(".xlsx"))
    with pytest.raises(UnreadableFile, match="is an Excel workbook, not a Word document"):
        read_docx(BytesIO(workbook), ReadOptions())
    with pytest.raises(UnreadableFile, match="not a Word document"):
        read_docx(BytesIO(zipped({"a.txt": "x"})), ReadOptions())


def _with_document(document: bytes) -> BytesIO:
    parts: dict[str, str | bytes] = {
        "_rels/.rels": (
            '<Relationships><Relationship Id="1" Type="x/officeDocument" Target="word/d.xml"/>'
            "</Relationships>"
        ),
        "word/d.xml": document,
    }
    return BytesIO(zipped(parts))
