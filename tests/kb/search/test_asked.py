"""Which part of a message is asked, and what of it no document holds."""

from __future__ import annotations

import pytest

from kb.protocols import Frequencies
from kb.search.asked import asked_part, unknown_share
from kb.search.scoring import Signals, chance, judged, term_weights
from kb.text.terms import query_terms, terms
from kb.types import Retrieval

DOCUMENTS = (
    "The garage closes at ten. The lift of the garage is inspected every May.",
    "Alarm G44: the pump has no oil. Alarm G45: the pump is blocked.",
    "Das Parkhaus schließt um zehn Uhr. 车库十点关门，电梯每年五月检查。",
    "The officer of the Turin site is Ada.",
)


def frequencies() -> Frequencies:
    holding: dict[str, int] = {}
    for text in DOCUMENTS:
        for term in set(terms(text)):
            holding[term] = holding.get(term, 0) + 1
    return Frequencies(len(DOCUMENTS), holding)


@pytest.mark.parametrize(
    ("message", "asked"),
    [
        ("When does the garage close?", "When does the garage close?"),
        ("Good evening! I hope you are well. When does the garage close? Best regards, Jo",
         "When does the garage close?"),
        ("I work in sales and need this today: when does the garage close?",
         "when does the garage close?"),
        ("Guten Abend, wann schließt das Parkhaus?", "wann schließt das Parkhaus?"),
        ("您好，我想咨询一下，车库几点关门？谢谢", "车库几点关门？"),
        ("Is the garage open? Is the lift tested?", "Is the garage open? Is the lift tested?"),
    ],
)  # fmt: skip
def test_the_part_that_the_documents_know_of_is_asked(message: str, asked: str):
    assert asked_part(message, frequencies()) == asked


def test_of_a_long_log_the_known_line_is_asked():
    lines = [
        f"2026-03-0{n % 9 + 1} 10:{n:02}:07 INFO worker-{n} heartbeat seq={n}" for n in range(60)
    ]
    lines.insert(31, "2026-03-04 10:31:09 ERROR controller: alarm G44 raised")
    log = "\n".join(lines)
    assert len(log) > 2500
    assert asked_part(log, frequencies()) == "alarm G44"


@pytest.mark.parametrize(
    ("message", "asked"),
    [
        ("What does G44 mean?", "G44"),
        ("My unit shows G44 again", "G44"),
        ("What does the pump do at G45 here?", "the pump do at G45"),
        ("What does G44 mean in Oslo?", "G44 mean in Oslo?"),
        ("What does G99 mean?", "What does G99 mean?"),
    ],
)
def test_around_an_identifier_that_is_held_unknown_words_are_left_out(message: str, asked: str):
    assert asked_part(message, frequencies()) == asked


def unknown(query: str) -> float:
    held = frequencies()
    return unknown_share(query, term_weights(query_terms(query), held), held)


def test_a_name_that_no_document_holds_counts_more():
    assert unknown("Who is the officer of the Turin site?") == 0
    long = "keeper of the lift of the garage and the officer of the {} site and the pump"
    named, lower = unknown(long.format("Oslo")), unknown(long.format("oslo"))
    assert named > lower > 0
    assert unknown("Wer ist der Wärter?") <= 1


def test_pairs_across_two_chinese_words_are_not_unknown():
    assert unknown("车库电梯") == 0
    assert unknown("车库食堂") > 0


def test_an_identifier_that_is_held_outweighs_a_word_that_is_not():
    asked = Signals(0.5, 0.7, 0.0, 0.1, identifier=1.0, unknown=0.3)
    bare = Signals(0.5, 0.7, 0.0, 0.1, unknown=0.3)
    assert chance(asked) > 0.5 > chance(bare)


def test_two_thresholds_make_three_outcomes_that_a_profile_moves():
    assert [judged(score, Retrieval()) for score in (0.1, 0.3, 0.7)] == [
        "refused",
        "weak",
        "answered",
    ]
    strict = Retrieval(min_score=0.4, sure_score=0.8)
    assert [judged(score, strict) for score in (0.3, 0.7, 0.9)] == ["refused", "weak", "answered"]
    assert judged(0.5, Retrieval(min_score=0.5, sure_score=0.5)) == "answered"


def test_function_words_of_other_languages_are_not_held_against_a_question():
    assert unknown("Wann genau schließt denn das Parkhaus?") == 0
    assert unknown("When exactly would the barber close?") > 0
