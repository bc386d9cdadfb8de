"""Rows of tables as lines that carry their header."""

from __future__ import annotations

import pytest

from ingest.readers.table_rows import Cell, TableLines, cells, is_header


def lines(*rows: list[str], header_rows: int | None = None) -> list[str]:
    return list(TableLines().lines([cells(row) for row in rows], header_rows))


def test_a_table_of_figures_without_words_has_no_header():
    assert lines(["1", "2"], ["3", "4"]) == ["1 | 2", "3 | 4"]


def test_a_form_of_labels_is_read_as_pairs():
    assert lines(["Name:", "Pump"], ["City:", "Bern"]) == ["Name: Pump", "City: Bern"]


def test_pairs_of_a_name_and_a_value_of_some_kind_are_no_table_with_a_header():
    pairs = [
        ["Tenant", "Red Mill Ltd"],
        ["Lease", "L-77"],
        ["Start", "2026-04-01"],
        ["Rent", "90 EUR"],
    ]

    assert lines(*pairs) == [
        "Tenant: Red Mill Ltd",
        "Lease: L-77",
        "Start: 2026-04-01",
        "Rent: 90 EUR",
    ]
    assert lines(["Rows", "100"], ["Cost", "80"], ["Gain", "20"])[1] == "Cost: 80"


def test_two_pairs_beside_each_other_are_a_form_and_a_table_of_four_columns_is_none():
    form = [["Tenant:", "Red Mill", "Floor:", "3"], ["Lease:", "L-77", "Keys:", ""]]
    table = [["Depot", "Crates", "Land", "Sign"], ["Porto", "41", "Portugal", "P"]]

    assert lines(*form) == ["Tenant: Red Mill | Floor: 3", "Lease: L-77 | Keys:"]
    assert lines(*table) == ["Depot: Porto | Crates: 41 | Land: Portugal | Sign: P"]


def test_cells_that_hold_a_name_with_its_value_name_no_columns():
    pairs = [["Tenant: Red Mill", "Floor: third"], ["Lease: L-77", "Keys: 9"]]

    assert lines(*pairs) == ["Tenant: Red Mill | Floor: third", "Lease: L-77 | Keys: 9"]


@pytest.mark.parametrize(
    "column",
    [
        ["Rome", "Bern", "Oslo"],
        ["4", "5", "6"],
        ["4 EUR", "on request", "9 EUR"],
        ["B12", "C4", "home"],
    ],
)
def test_two_columns_of_one_kind_below_a_name_keep_their_header(column):
    rows = [["Item", "What"], ["hat", column[0]], ["cap", column[1]], ["belt", column[2]]]

    assert lines(*rows)[0] == f"Item: hat | What: {column[0]}"


def test_words_above_figures_are_a_header_even_if_two_are_alike():
    assert lines(["x", "y", "y"], ["a", "1", "2"]) == ["x: a | y: 1 | y: 2"]


def test_a_header_of_two_rows_without_merged_cells_is_known_by_the_figures_below():
    assert lines(["CHF", "", "", "2023"], ["", "in", "out", "net"], ["a", "1", "2", "3"]) == [
        "CHF: a | in: 1 | out: 2 | 2023 / net: 3"
    ]


def test_a_header_that_is_marked_is_believed():
    assert lines(["1", "2"], ["3", "4"], header_rows=1) == ["1: 3 | 2: 4"]


def test_a_header_without_rows_is_written_itself():
    assert lines(["part", "price"]) == ["part | price"]


def test_a_cell_over_several_columns_stands_under_each_of_their_names():
    head = cells(["Item", "2023", "2024"])
    short, long = Cell(1, "7", 2), Cell(1, "as agreed " * 12, 2)

    assert list(
        TableLines().lines([head, [Cell(0, "Ropes"), short], [Cell(0, "Hooks"), long]])
    ) == [
        "Item: Ropes | 2023: 7 | 2024: 7",
        f"Item: Hooks | 2023 – 2024: {'as agreed ' * 12}",
    ]


def test_a_cell_across_the_table_is_a_heading_of_its_own():
    rows = [cells(["part", "price"]), [Cell(0, "Section", 2)], cells(["seal", "3"])]

    assert list(TableLines().lines(rows)) == ["Section", "part: seal | price: 3"]


def test_a_value_that_repeats_its_header_stands_once():
    assert lines(["part", "price"], ["part", "3"]) == ["part | price: 3"]


def test_rows_that_only_continue_merged_cells_are_dropped():
    rows = [cells(["part", "price"]), cells(["seal", "3"]), [Cell(0, "seal", continued=True)]]

    assert list(TableLines().lines(rows)) == ["part: seal | price: 3"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["a", "b"], True),
        (["a", "2023"], True),
        (["2023", "a"], False),
        (["a", "3.5"], False),
        (["a", "(1,200)"], False),
        (["a", "a"], False),
        (["a", "", "", ""], False),
        (["a", "x" * 300], False),
    ],
)
def test_what_counts_as_a_header(values, expected):
    assert is_header(values) is expected


def test_long_runs_of_digits_take_no_time():
    assert lines(["9" * 100_000 + "x", "b"], ["1" * 100_000 + "y", "c"])
