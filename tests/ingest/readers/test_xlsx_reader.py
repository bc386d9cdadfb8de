"""Workbooks: sheets as pages, values as they are shown, headers that stay with their rows."""

from __future__ import annotations

from io import BytesIO

import pytest

from ingest.readers.sheets.xlsx import read_xlsx
from ingest.types import Extraction, ReadOptions
from kb.errors import UnreadableFile
from tests.ingest.readers.office_samples import relations, sheet_rows, xlsx


def read(data: bytes, most: int = 20_000_000) -> Extraction:
    return read_xlsx(BytesIO(data), ReadOptions(max_characters=most))


def lines(inner: str, **workbook: object) -> list[str]:
    """What a workbook of one sheet reads as, below the sheet's name."""
    text = read(xlsx({"S": inner}, **workbook)).pages[0].text  # type: ignore[arg-type]
    return [line for line in text.split("\n") if line][1:]


def styled(value: float | str, code: str, **workbook: object) -> str:
    styles = f'<numFmts><numFmt numFmtId="170" formatCode="{code}"/></numFmts>'
    styles += '<cellXfs><xf numFmtId="0"/><xf numFmtId="170"/></cellXfs>'
    inner = f'<sheetData><row r="1"><c r="A1" s="1"><v>{value}</v></c></row></sheetData>'
    return lines(inner, styles=styles, **workbook)[0]


def test_a_sheet_is_a_page_under_its_name_and_empty_ones_are_named():
    found = read(
        xlsx({"One": sheet_rows({1: {"A": "x"}}), "Void": "", "三": sheet_rows({1: {"A": "y"}})})
    )

    assert [page.text for page in found.pages] == ["One\n\nx", "", "三\n\ny"]
    assert found.empty_pages == (2,)
    assert found.warnings == ("Sheets without text: 'Void'.",)
    assert [block.kind for block in found.blocks if block.level] == ["heading", "heading"]


def test_every_row_carries_the_header():
    rows = {1: {"A": "part", "B": "price"}, 2: {"A": "seal", "B": 3}, 3: {"B": 4}}

    assert lines(sheet_rows(rows)) == ["part: seal | price: 3", "price: 4"]


def test_years_are_names_of_columns():
    rows = {1: {"A": "item", "B": 2022, "C": 2023}, 2: {"A": "sales", "B": 5, "C": 7}}

    assert lines(sheet_rows(rows)) == ["item: sales | 2022: 5 | 2023: 7"]


def test_title_rows_stand_alone_above_the_table():
    rows = {1: {"A": "Prices"}, 2: {"A": "part", "B": "price"}, 3: {"A": "seal", "B": 3}}

    assert lines(sheet_rows(rows)) == ["Prices", "part: seal | price: 3"]


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        (45322, "yyyy-mm-dd", "2024-01-31"),
        (45322, "d/m/yy", "2024-01-31"),
        (45322, 'yyyy"年"m"月"d"日"', "2024-01-31"),
        (45322.604166666664, "dd.mm.yyyy hh:mm", "2024-01-31 14:30"),
        (45322.604166666664, "[$-409]m/d/yy h:mm AM/PM;@", "2024-01-31 2:30 PM"),
        (45322.604166666664, 'hh"h"mm dd/mm/yyyy', "2024-01-31 14h30"),
        (45322.25, "d/m/yy", "2024-01-31 06:00:00"),
        (45322.9999999999, "d.m.yy h:mm:ss", "2024-02-01 0:00:00"),
        (45322, "[$-407]d. mmmm yyyy", "2024-01-31"),
        (0.604166666664, "hh:mm", "14:30"),
        (0.604166666664, "[$-F400]h:mm:ss AM/PM", "2:30:00 PM"),
        (0.604166666664, 'h:mm" Uhr"', "14:30 Uhr"),
        (0.000734, "mm:ss.0", "01:03.4"),
        (1.5, "[h]:mm:ss", "36:00:00"),
        (1.5, "[h]:mm", "36:00"),
        (-0.5, "[h]:mm", "-12:00"),
        (0.75, "[mm]", "1080"),
        (1.75, "# ??/??", "1 3/4"),
        (0.5, "?/8", "4/8"),
        (1500, '[>=1000]0.0,"k";0', "1.5k"),
        (900, '[>=1000]0.0,"k";0', "900"),
        (12345, "0.00E+00", "1.23E+04"),
        (45322, "mm.yyyy", "01.2024"),
        (1, "yyyy-mm-dd", "1900-01-01"),
        (59, "yyyy-mm-dd", "1900-02-28"),
        (61, "yyyy-mm-dd", "1900-03-01"),
        (0.125, "0.0%", "12.5%"),
        (0.30000000000000004, "General", "0.3"),
        (1e300, "yyyy-mm-dd", "1e+300"),
        ("1.0E6", "#,##0.00", "1,000,000.00"),
        (5, "[Red]0", "5"),
        ("nan", "0", "nan"),
        (7, '"h"0', "h7"),
        (42, "0000", "0042"),
        (1.005, "0.00", "1.01"),
        (-2.5, "#,##0", "-3"),
        (123456789, "000-00-0000", "123-45-6789"),
        (12, '0" pcs"', "12 pcs"),
        (1250, '#,##0 "EUR"', "1,250 EUR"),
        (1250, "[$$-409]#,##0.00", "$1,250.00"),
        (-5.5, "#,##0.00;[Red](#,##0.00)", "(5.50)"),
        (0, '"Yes";;"No"', "No"),
        (3055551234, "[<=9999999]###-####;(###) ###-####", "(305) 555-1234"),
        (46082, "mmm yyyy", "Mar 2026"),
        (1e40, "0.00", "1e+40"),
    ],
)
def test_numbers_are_shown_by_their_format(value, code, shown):
    assert styled(value, code.replace('"', "&quot;").replace("<", "&lt;")) == shown


def test_dates_can_count_from_1904():
    assert styled(0, "yyyy-mm-dd", properties='<workbookPr date1904="1"/>') == "1904-01-01"


def test_kinds_of_cells():
    cells = (
        '<c r="A1" t="s"><v>0</v></c><c r="B1" t="b"><v>1</v></c><c r="C1" t="e"><v>#N/A</v></c>'
        '<c r="D1" t="str"><f>A1&amp;"x"</f><v>done</v></c><c r="E1" t="s"><v>99</v></c>'
        '<c t="inlineStr"><is><r><t>ri</t></r><r><t>ch</t></r><rPh><t>reading</t></rPh></is></c>'
    )

    inner = f'<sheetData><row r="1">{cells}</row></sheetData>'
    assert lines(inner, strings=["shared"]) == ["shared | TRUE | #N/A | done | rich"]


def test_formulas_without_a_result_are_quoted_and_flagged():
    inner = '<sheetData><row r="1"><c r="A1"><f>SUM(B1:B9)</f></c></row></sheetData>'
    found = read(xlsx({"S": inner}))

    assert found.pages[0].text.endswith("=SUM(B1:B9)")
    assert "1 formulas have no stored result" in found.warnings[0]


def test_a_hidden_sheet_is_read_and_flagged():
    sheets = {"A": sheet_rows({1: {"A": "x"}}), "B": sheet_rows({1: {"A": "y"}})}
    found = read(xlsx(sheets, states={"B": "veryHidden"}))

    assert "y" in found.pages[1].text
    assert found.warnings == ("Hidden sheets were read, too: 'B'.",)


def test_far_cells_and_huge_merges_cost_nothing():
    inner = '<sheetData><row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    inner += '<mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>'

    assert lines(inner) == ["1"]


def test_one_long_string_used_often_stops_at_the_limit():
    cells = '<c t="s"><v>0</v></c>' * 50
    inner = "<sheetData>" + f"<row>{cells}</row>" * 50 + "</sheetData>"

    with pytest.raises(UnreadableFile) as refused:
        read(xlsx({"S": inner}, strings=["x" * 30_000]), most=1_000_000)
    assert refused.value.code == "too_large"


def test_a_workbook_without_text_says_so():
    with pytest.raises(UnreadableFile) as refused:
        read(xlsx({"S": ""}))
    assert refused.value.code == "no_text"


def test_notes_and_text_boxes_are_in_the_text_and_pictures_are_counted():
    rows = {1: {"A": "part", "B": "price"}, 2: {"A": "seal", "B": 3}}
    beside = {"rId1": ("comments", "../comments1.xml"), "rId2": ("drawing", "../drawing1.xml")}
    drawing = "http://schemas.openxmlformats.org/drawingml/2006"
    extra = {
        "xl/worksheets/_rels/sheet1.xml.rels": relations(beside),
        "xl/comments1.xml": "<comments><commentList>"
        '<comment ref="B2"><text><r><t>net of tax</t></r></text></comment>'
        '<comment ref="D9"><text><t>alone</t></text></comment></commentList></comments>',
        "xl/drawing1.xml": f'<d:wsDr xmlns:d="{drawing}/spreadsheetDrawing" '
        f'xmlns:a="{drawing}/main">'
        "<d:sp><d:txBody><a:p><a:r><a:t>Call 4417 first.</a:t></a:r></a:p></d:txBody></d:sp>"
        '<d:pic><d:nvPicPr><d:cNvPr id="1" name="p" descr="The valve"/></d:nvPicPr></d:pic>'
        "</d:wsDr>",
    }

    found = read(xlsx({"S": sheet_rows(rows)}, extra=extra))

    assert found.pages[0].text.split("\n\n") == [
        "S",
        "part: seal | price: 3 [Note: net of tax]",
        "Call 4417 first.",
        "[Picture: The valve]",
        "Note on D9: alone",
    ]
    assert found.warnings == ("Pictures not read: 1.",)


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("[$-407]mmmm", "März"),
        ("[$-fr-CA]mmmm yyyy", "mars 2023"),
        ("[$-C0A]&quot;en &quot;mmmm", "en marzo"),
        ("[$-409]mmmm", "March"),
    ],
)
def test_a_month_is_named_in_the_language_of_its_format(code, shown):
    styles = (
        f'<numFmts><numFmt numFmtId="170" formatCode="{code}"/></numFmts>'
        '<cellXfs><xf numFmtId="0"/><xf numFmtId="170"/></cellXfs>'
    )
    sheet = '<sheetData><row r="1"><c r="A1" s="1"><v>45000</v></c></row></sheetData>'
    found = read_xlsx(BytesIO(xlsx({"S": sheet}, styles=styles)), ReadOptions())

    assert found.pages[0].text == f"S\n\n{shown}"


def test_hidden_rows_and_columns_are_read_and_named_in_the_receipt():
    rows = sheet_rows({1: {"A": "Name", "B": "Cost", "C": "Fee"}, 2: {"A": "Ada", "B": 7, "C": 5}})
    rows = rows.replace('<row r="2"', '<row r="2" hidden="1"')
    hidden = '<cols><col min="2" max="2" hidden="1"/><col min="9" max="99" hidden="1"/></cols>'
    found = read_xlsx(BytesIO(xlsx({"S": hidden + rows})), ReadOptions())

    assert found.pages[0].text.endswith("Name: Ada | Cost: 7 | Fee: 5")
    assert found.warnings == ("Hidden rows and columns were read, too: 2.",)
