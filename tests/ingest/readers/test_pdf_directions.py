"""Pages of a PDF that are held sideways to be read, and columns that run from top to bottom."""

from io import BytesIO

from ingest.readers.pdf.pdf import read_pdf
from ingest.types import ReadOptions
from tests.ingest.readers.pdf_samples import Sheet, drawn

_ROWS = (("Depot", "Item", "Boxes"), ("Graz", "Masks", "27"), ("Lyon", "Caps", "9"))


def _text(*sheets: Sheet) -> str:
    return read_pdf(BytesIO(drawn(sheets)), ReadOptions()).pages[0].text


def _table() -> Sheet:
    sheet = Sheet().text(72, 560, "Stock of the year", 16)
    for row, values in enumerate(_ROWS):
        for column, value in enumerate(values):
            sheet.text(76 + 100 * column, 506 - 20 * row, value)
    return sheet.grid((72, 172, 272, 372), (520, 500, 480, 460))


def test_a_table_that_stands_sideways_has_its_rows():
    rows = "Depot: Graz | Item: Masks | Boxes: 27\nDepot: Lyon | Item: Caps | Boxes: 9"

    assert _text(_table()) == _text(_table().turned()) == f"Stock of the year\n\n{rows}"


def test_turned_words_on_an_upright_page_stay_at_its_end():
    sheet = Sheet().text(200, 300, "Side note").turned()
    sheet.text(72, 700, "A pump moves water through the house.")

    assert _text(sheet) == "A pump moves water through the house.\n\nSide note"


_COLUMNS = ("员工手册年假为十五天", "病假为十天周五前提交", "申请表由人事部门负责")


def test_columns_in_a_font_for_them_are_read_from_right_to_left():
    sheet = Sheet()
    for number, column in enumerate(_COLUMNS):
        sheet.han(500 - 24 * number, 760, column, down=True)

    assert _text(sheet) == "\n".join(_COLUMNS)


def test_columns_of_characters_set_one_by_one_are_read_from_right_to_left():
    sheet = Sheet()
    for number, column in enumerate(_COLUMNS):
        for row, sign in enumerate(column):
            sheet.han(500 - 24 * number, 760 - 16 * row, sign)

    assert _text(sheet) == "\n".join(_COLUMNS)


def test_chinese_in_lines_stays_in_lines():
    sheet = Sheet()
    for number, line in enumerate(_COLUMNS):
        sheet.han(72, 760 - 20 * number, line)

    assert _text(sheet) == "\n".join(_COLUMNS)
