"""What an extractive answer tells of tables, lists, definitions, questions and headings."""

from __future__ import annotations

import pytest

from kb.chat.run.citations import CitationScanner
from kb.models.llm.extractive import extractive_answer
from kb.text.fixed_sentences import fixed_sentence
from kb.types import Cited, EndPiece, Source, TextPiece
from tests.kb.models.llm.test_extractive import source

ROWS = """\
Boat: Swift-3 | Seats: 4 | Price per day (EUR): 58,900 | Moored: north pier
Boat: Swift-7 | Seats: 9 | Price per day (EUR): 71,300 | Moored: south pier"""
MARKDOWN = """\
| Signal | Meaning | Action |
| --- | --- | --- |
| Q-4 | Valve stuck | Open the lid |
| Q-9 | Pump dry | Add water |"""
QUESTIONS = """\
Question: May I bring a dog? | Answer: Yes, on a lead. It sleeps outside.
Question: Is there a cot? | Answer: No, bring your own."""
LIST = """\
Before you leave, proceed as follows:

- close the windows
- turn off the heating
- leave the key in the blue box

The cleaner comes at noon."""
CODES = "- W17: The belt is torn. Order part 5.\n- W18: The belt is loose. Turn the wheel."


def told(query: str, *texts: str, **options: object) -> str:
    sources = [source(n, text) for n, text in enumerate(texts, start=1)]
    pieces = extractive_answer(query, sources, **options)  # type: ignore[arg-type]
    return "".join(piece.text for piece in pieces if isinstance(piece, TextPiece))


@pytest.mark.parametrize(
    ("query", "text", "expected"),
    [
        ("What is the price of the Swift-7?", ROWS, "Swift-7: 71,300 EUR price per day [1]"),
        ("How much is the Swift-3?", ROWS, "Swift-3: 58,900 EUR price per day [1]"),
        ("Where is the Swift-3 moored?", ROWS, "Swift-3: moored north pier [1]"),
        ("How many seats has the Swift-7?", ROWS, "Swift-7: 9 seats [1]"),
        (
            "How many seats at the south pier for the Swift-7?",
            ROWS,
            "Swift-7, south pier: 9 seats [1]",
        ),
        ("What of Shop4 in 2024?", "Shop: Shop4 | 2023: 12 | 2024: 17", "Shop4: 17 (2024) [1]"),
        ("Q-9", MARKDOWN, "Q-9: Pump dry; Add water [1]"),
        ("What does Q-4 mean?", MARKDOWN, "Q-4: meaning Valve stuck [1]"),
        ("May I bring a dog?", QUESTIONS, "Yes, on a lead. It sleeps outside. [1]"),
        ("What does W17 mean?", CODES, "W17: The belt is torn. Order part 5. [1]"),
    ],
)
def test_a_row_a_definition_and_a_question_are_told_as_a_person_would(query, text, expected):
    assert told(query, text) == expected


def test_what_as_follows_announces_comes_whole():
    assert told("How do I proceed before I leave?", LIST) == (
        "Before you leave, proceed as follows: [1]\nclose the windows [1]\n"
        "turn off the heating [1]\nleave the key in the blue box [1]"
    )


@pytest.mark.parametrize(
    "text",
    [
        "# Seats\n\n<!--\nThe old boat had 5 seats.\n-->\n\nThe boat has 9 seats.",
        "The old boat had 5 seats.\n-->\n\nThe boat has 9 seats.",
        "The boat has 9 seats.\n\n<!-- The old boat had 5 seats.",
    ],
)
def test_a_comment_is_never_quoted(text):
    assert told("How many seats has the boat?", text) == "The boat has 9 seats. [1]"


def test_a_heading_comes_with_what_stands_below_it():
    text = "Cleaning the hull\n\nUse a soft brush.\n\nPainting the hull\n\nUse two coats."
    assert told("How is the hull painted?", text) == ("Painting the hull [1]\nUse two coats. [1]")
    assert told("How many coats has the painted hull?", text) == "Use two coats. [1]"


def test_lines_of_a_form_are_told_one_by_one():
    form = "Request for a mooring\nPlate number: KI-48\nDeck wanted: 3\nElectric boat: yes"
    assert told("What is the plate number?", form) == "Plate number: KI-48 [1]"
    boxes = "Needs\n\n\u2612 Berth wanted \u2610 Locker wanted\n\nThe office is in the tower."
    assert told("Is a locker wanted?", boxes) == "\u2612 Berth wanted \u2610 Locker wanted [1]"


def test_a_sentence_that_adds_nothing_asked_for_is_left_out():
    piers = [
        source(n, f"The keeper of the pier is {keeper}.", heading=f"{name} pier")
        for n, (name, keeper) in enumerate((("North", "Ada"), ("South", "Ben")), start=1)
    ]

    def said(query: str) -> str:
        return "".join(p.text for p in extractive_answer(query, piers) if isinstance(p, TextPiece))

    assert "Ben" not in said("Who is the keeper of the north pier?")
    both = said("Who are the keepers of the north pier and the south pier?")
    assert "Ada" in both
    assert "Ben" in both


def test_the_words_of_a_follow_up_lead():
    rooms = "The room in Turin costs 80 EUR. The room in Graz costs 90 EUR."
    found = told("And in Graz? (room cost Turin)", rooms, leading="And in Graz?")
    assert found == "The room in Graz costs 90 EUR. [1]"
    leave = "年假为十天。病假须有证明。产假为九十八天。"
    assert told("产假呢？（年假 天）", leave, leading="产假呢？") == "产假为九十八天。 [1]"


def test_of_a_mail_only_the_question_counts():
    mail = (
        "Dear team, I hope you are well. My name is Jo and I joined in May.\n"
        "Could you please tell me where the key is left?\nMany thanks and kind regards, Jo"
    )
    assert "leave the key in the blue box" in told(mail, LIST)


def test_weak_evidence_is_one_closest_passage_that_says_so():
    *words, end = extractive_answer("Where is the Swift-3 moored?", [source(1, ROWS, score=0.3)])
    said = "".join(piece.text for piece in words if isinstance(piece, TextPiece))
    assert said == f"{fixed_sentence('weak', 'en')}\n\nSwift-3: moored north pier [1]"
    assert end == EndPiece("stop", grounded="weak")


def test_a_cited_cell_quotes_its_row():
    sources: list[Source] = [source(1, ROWS)]
    scanner = CitationScanner(sources)
    text = told("What is the price of the Swift-7?", ROWS)
    (event,) = [e for e in scanner.feed(text) + scanner.finish() if isinstance(e, Cited)]
    quote = event.citation
    assert quote.quote.startswith("Boat: Swift-7 | Seats: 9")
    assert ROWS[quote.start : quote.end] == quote.quote
