"""CSV and TSV: every row carries its header."""

from io import BytesIO

import pytest

from ingest.readers.plain.delimited import read_delimited
from ingest.types import ReadOptions


def _read(source):
    return read_delimited(BytesIO(source.encode()), ReadOptions())


def _lines(source):
    return _read(source).pages[0].text.split("\n")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_rows_are_rendered_with_their_header(delimiter):
    source = "part,price\nseal,3\nvalve,4\n".replace(",", delimiter)

    assert _lines(source) == ["part: seal | price: 3", "part: valve | price: 4"]


def test_each_row_is_a_block():
    extraction = _read("part,price\nseal,3\nvalve,4\n")

    page = extraction.pages[0].text
    assert [(b.kind, page[b.start : b.end]) for b in extraction.blocks] == [
        ("table", "part: seal | price: 3"),
        ("table", "part: valve | price: 4"),
    ]


def test_a_table_of_numbers_has_no_header():
    assert _lines("1,2\n3,4\n") == ["1 | 2", "3 | 4"]


def test_a_header_alone_is_still_text():
    assert _lines("part,price\n") == ["part | price"]


def test_rows_of_another_width_are_kept_and_counted():
    extraction = _read("a,b\n1,2,3\n4\n\n5,6\n")

    assert extraction.pages[0].text == "a: 1 | b: 2 | 3\na: 4\na: 5 | b: 6"
    assert extraction.warnings == ("2 rows have more or fewer cells than the header.",)


def test_quoted_delimiters_and_line_breaks_stay_in_their_cell():
    assert _lines('a,b\n"x, y","1\n2"\n') == ["a: x, y | b: 1 2"]


def test_an_unbalanced_quote_does_not_swallow_the_table():
    rows = "".join(f"row{n},{n}\n" for n in range(500))

    extraction = _read(f'a,b\n"open,0\n{rows}')

    assert "a: row7 | b: 7" in extraction.pages[0].text.split("\n")
    assert any("Quotes" in warning for warning in extraction.warnings)


def test_a_cell_may_be_longer_than_the_librarys_own_limit():
    assert len(_lines("a,b\n" + "x" * 200_000 + ",1\n")[0]) > 200_000
