"""What an extractive answer tells of rows: those that fit, the asked cell, and what tells them
apart."""

from __future__ import annotations

import pytest

from kb.models.llm.rows import head_of, row_of
from kb.text.fixed_sentences import fixed_sentence
from tests.kb.models.llm.test_statements import told

WEAK = fixed_sentence("weak", "en")

KITES = """\
Item: Kite Swift | Colour: red | Size: S | Price EUR: 41 | Stock: on the shelf
Item: Kite Swift | Colour: red | Size: L | Price EUR: 47 | Stock: sold out
Item: Lantern | Colour: green | Price EUR: 12 | Stock: on the shelf"""
FERRY = """\
Long pier | Weekdays: 6:40 | Sunday: 9:15
Old mill | Weekdays: 6:55 | Sunday: 9:30"""
ROLES = """\
Role: Author | Rights: write drafts | Approver: Chief editor
Role: Guest | Rights: read | Approver: Porter"""


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            "What does the Kite Swift cost?",
            "Kite Swift, S, on the shelf: 41 EUR price [1]\n"
            "Kite Swift, L, sold out: 47 EUR price [1]",
        ),
        ("How much is the red Kite Swift in size L?", "Kite Swift, red, L: 47 EUR price [1]"),
        ("How expensive is the lantern?", "Lantern: 12 EUR price [1]"),
        (
            "Which kite is sold out?",
            "Item: Kite Swift | Colour: red | Size: L | Price EUR: 47 | Stock: sold out [1]",
        ),
    ],
)
def test_all_rows_that_fit_are_told_each_with_what_tells_it_apart(query, expected):
    assert told(query, KITES) == expected


@pytest.mark.parametrize(
    "query",
    [
        "How much is the yellow Kite Swift?",
        "What does the green kite cost?",
        "How much is the Kite Swift in size M?",
        "What does the folding lantern cost?",
        "How much is a lantern in red?",
    ],
)
def test_a_row_without_what_is_asked_for_is_no_sure_answer(query):
    assert told(query, KITES).startswith(WEAK)


ROWING = """\
Boat: Heron | Seats: 2 | Colour: blue | Price: 255 EUR | Stock: 6
Boat: Heron | Seats: 4 | Colour: red | Price: 389 EUR | Stock: 1"""


@pytest.mark.parametrize(
    "query",
    [
        "What does the Heron with 6 seats cost?",
        "What is the price of the Heron for 1 seat?",
        "What is the price of the green Heron boat with 2 seats in blue?",
    ],
)
def test_a_figure_counts_in_the_column_of_what_it_counts(query):
    assert told(query, ROWING).startswith(WEAK)


def test_a_row_that_holds_the_figure_in_its_column_answers():
    assert "389 EUR" in told("What does the Heron with 4 seats cost?", ROWING)
    assert not told("What does the Heron with 4 seats cost?", ROWING).startswith(WEAK)


def test_a_table_with_an_empty_corner_has_rows():
    assert row_of("Long pier | Weekdays: 6:40 | Sunday: 9:15") is not None
    assert told("When does the ferry leave the old mill on Sunday?", "# Ferry\n\n" + FERRY) == (
        "Old mill: 9:30 Sunday [1]"
    )
    assert told("Long pier weekdays", FERRY) == "Long pier: 6:40 weekdays [1]"


def test_prose_with_a_bar_is_no_row():
    assert row_of("Open daily | closed in May") is None
    assert row_of("One sentence. Another: with a colon.") is None


def test_a_column_is_asked_for_by_a_word_derived_from_its_name():
    assert told("Who approves an Author?", ROLES) == "Author: approver Chief editor [1]"
    assert told("Who is the approver of a Guest?", ROLES) == "Guest: approver Porter [1]"


def test_a_line_of_a_form_answers_what_is_asked_for_by_its_name():
    form = "Tenant: Grey Heron Ltd\nContract: D-730\nPenalty: 90 EUR"
    assert told("What is the contract number?", form) == "Contract: D-730 [1]"
    assert told("How high is the penalty?", form) == "Penalty: 90 EUR [1]"
    assert told("What is the fax number of the tenant?", form).startswith(WEAK)


def test_bars_within_cells_of_markdown_part_no_columns():
    head = head_of(r"| Operator | Left \| right | Shell |")
    escaped = row_of(r"| `a \| b` | pipe \| join | zsh \| |", head)
    in_code = row_of("| `x||y` | either | ksh |", head)

    assert head == ("Operator", "Left | right", "Shell")
    assert escaped is not None
    assert in_code is not None
    assert [value for _, value in escaped.cells] == ["`a | b`", "pipe | join", "zsh |"]
    assert in_code.cells[0] == ("Operator", "`x||y`")
