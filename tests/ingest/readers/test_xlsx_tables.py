"""The tables of a sheet: which rows and columns belong together, and what names them."""

from __future__ import annotations

from io import BytesIO

from ingest.readers.sheets.xlsx import read_xlsx
from ingest.types import Extraction, ReadOptions
from tests.ingest.readers.office_samples import sheet_rows, xlsx


def read(data: bytes) -> Extraction:
    return read_xlsx(BytesIO(data), ReadOptions())


def lines(inner: str, **workbook: object) -> list[str]:
    """What a workbook of one sheet reads as, below the sheet's name."""
    text = read(xlsx({"S": inner}, **workbook)).pages[0].text  # type: ignore[arg-type]
    return [line for line in text.split("\n") if line][1:]


def test_blank_rows_part_tables():
    rows = {
        1: {"A": "part", "B": "price"},
        2: {"A": "seal", "B": 3},
        4: {"A": "city", "B": "people"},
        5: {"A": "Bern", "B": 9},
        7: {"A": "valve", "B": 4},
        9: {"A": "Footnote."},
    }

    assert lines(sheet_rows(rows)) == [
        "part: seal | price: 3",
        "city: Bern | people: 9",
        "city: valve | people: 4",
        "Footnote.",
    ]


def test_tables_beside_each_other_have_their_own_names_of_columns():
    rows = {
        2: {"C": "Stock and staff"},
        3: {"C": "part", "D": "price", "F": "city", "G": "people"},
        4: {"C": "seal", "D": 3, "F": "Bern", "G": 9},
        5: {"C": "valve", "D": 4},
    }
    merged = '<mergeCells><mergeCell ref="C2:G2"/></mergeCells>'

    assert lines(sheet_rows(rows) + merged) == [
        "Stock and staff",
        "part: seal | price: 3",
        "part: valve | price: 4",
        "city: Bern | people: 9",
    ]


def test_numbered_tables_beside_each_other_are_told_by_the_same_first_name():
    rows = {
        1: {"A": "no", "B": "part", "D": "no", "E": "city"},
        2: {"A": 1, "B": "seal", "D": 1, "E": "Bern"},
        3: {"A": 2, "B": "pump", "D": 2, "E": "Graz"},
    }

    assert lines(sheet_rows(rows))[0] == "no: 1 | part: seal"
    assert lines(sheet_rows(rows))[-1] == "no: 2 | city: Graz"


def test_a_blank_column_before_figures_parts_no_table():
    rows = {1: {"A": "no", "B": "part", "D": "2023", "E": "2024"}}
    rows[2] = {"A": "7", "B": "seal", "D": 3, "E": 4}

    assert lines(sheet_rows(rows)) == ["no: 7 | part: seal | 2023: 3 | 2024: 4"]


def test_stacked_tables_of_different_width_have_their_own_names():
    rows = {
        5: {"C": "part", "D": "price"},
        6: {"C": "seal", "D": 3},
        8: {"C": "city", "D": "people", "E": "land", "F": "code"},
        9: {"C": "Bern", "D": 9, "E": "Swiss", "F": 41},
    }

    assert lines(sheet_rows(rows)) == [
        "part: seal | price: 3",
        "city: Bern | people: 9 | land: Swiss | code: 41",
    ]


def test_a_blank_row_below_the_header_does_not_part_it_from_its_figures():
    rows = {1: {"A": "part", "B": "price"}, 3: {"A": "seal", "B": 3}}

    assert lines(sheet_rows(rows)) == ["part: seal | price: 3"]


def test_merged_headers_and_cells_are_repeated():
    rows = {
        1: {"A": "Region", "B": "2023"},
        2: {"B": "Plan", "C": "Real"},
        3: {"A": "North", "B": 1, "C": 2},
        4: {"B": 3, "C": 4},
    }
    merged = '<mergeCells><mergeCell ref="A1:A2"/><mergeCell ref="B1:C1"/><mergeCell ref="A3:A4"/>'

    assert lines(sheet_rows(rows) + merged + "</mergeCells>") == [
        "Region: North | 2023 / Plan: 1 | 2023 / Real: 2",
        "Region: North | 2023 / Plan: 3 | 2023 / Real: 4",
    ]


def test_a_column_name_without_values_is_not_lost():
    rows = {1: {"A": "part", "B": "price", "C": "remark"}, 2: {"A": "seal", "B": 3}}

    assert lines(sheet_rows(rows)) == ["part: seal | price: 3", "remark"]


def test_a_second_table_of_words_has_its_own_names():
    rows = {
        1: {"A": "part", "B": "price"},
        2: {"A": "seal", "B": 3},
        4: {"A": "depot", "B": "city"},
        5: {"A": "D1", "B": "Lyon"},
    }

    assert lines(sheet_rows(rows)) == ["part: seal | price: 3", "depot: D1 | city: Lyon"]


def test_a_sheet_of_names_and_values_is_read_as_pairs():
    rows = {
        1: {"A": "Tenant", "B": "Red Mill"},
        2: {"A": "Lease", "B": "L-77"},
        3: {"A": "Rent", "B": 90},
    }

    assert lines(sheet_rows(rows)) == ["Tenant: Red Mill", "Lease: L-77", "Rent: 90"]
