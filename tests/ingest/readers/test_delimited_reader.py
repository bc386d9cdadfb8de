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


@pytest.mark.parametrize(
    ("head", "first"),
    [
        ("Site,2024,2025", "Site: Rome | 2024: 4 | 2025: 5"),
        ("Site,FY2024/25,2025-03-01", "Site: Rome | FY2024/25: 4 | 2025-03-01: 5"),
        ("Site,7%,19%", "Site: Rome | 7%: 4 | 19%: 5"),
        ("Site,%,%", "Site: Rome | %: 4 | %: 5"),
    ],
)
def test_years_shares_and_names_that_repeat_name_columns(head, first):
    assert _lines(f"{head}\nRome,4,5\nOslo,6,7\n")[0] == first


def test_names_may_repeat_above_words():
    assert _lines("Item,Note,Note\nhat,red,blue\n") == ["Item: hat | Note: red | Note: blue"]


@pytest.mark.parametrize(
    ("above", "shown"),
    [
        ("Prices of May\n", ["Prices of May"]),
        ("Prices, net of tax\n", ["Prices: net of tax"]),
        ("# made by hand\nSource,ERP\n\n", ["made by hand", "Source: ERP"]),
    ],
)
def test_titles_comments_and_pairs_stand_above_the_table(above, shown):
    extraction = _read(f"{above}Item,Colour,Price\nhat,red,4\ncap,blue,5\n")

    assert extraction.pages[0].text.split("\n") == [
        *shown,
        "",
        "Item: hat | Colour: red | Price: 4",
        "Item: cap | Colour: blue | Price: 5",
    ]
    assert extraction.warnings == ()


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "SEP=;"])
def test_a_line_that_names_the_delimiter_is_obeyed_and_is_no_text(line):
    assert _lines(f"{line}\nItem;Price\nhat;4,50\n") == ["Item: hat | Price: 4,50"]


def test_pairs_of_names_and_values_are_read_as_pairs():
    assert _lines("Tenant,Red Mill\nLease,L-77\nStart,2026-04-01\n") == [
        "Tenant: Red Mill",
        "Lease: L-77",
        "Start: 2026-04-01",
    ]


@pytest.mark.parametrize(
    "rows",
    [
        ["Ann,Graz,sales", "Otto,Bern,sales"],
        ["E431,Pump blocked", "E432,Valve open"],
        ["ann,a@x.example,Graz", "otto,o@x.example,Bern"],
        ["hat,4,red", "cap,5,blue"],
    ],
)
def test_a_first_row_of_values_is_no_header(rows):
    assert _lines("\n".join(rows)) == [row.replace(",", " | ") for row in rows]


def test_blank_lines_part_tables():
    text = _read("Item,Price\nhat,4\n\nDepot,City\nD1,Lyon\n").pages[0].text

    assert text == "Item: hat | Price: 4\n\nDepot: D1 | City: Lyon"


@pytest.mark.parametrize("sign", ["^", "~"])
def test_rare_delimiters_part_columns(sign):
    found = read_delimited(
        BytesIO("Name,City\nAda,Lyon\nBo,Graz".replace(",", sign).encode()), ReadOptions()
    )

    assert "Name: Ada | City: Lyon" in found.pages[0].text


def test_a_value_that_is_called_like_its_column_keeps_the_name():
    assert _lines("Region,2021,2022\nNorth,1022,2022\nRegion,2021,2022\nSouth,7,8\n") == [
        "Region: North | 2021: 1022 | 2022: 2022",
        "Region | 2021 | 2022",
        "Region: South | 2021: 7 | 2022: 8",
    ]
