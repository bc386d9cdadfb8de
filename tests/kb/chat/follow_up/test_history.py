"""What of a conversation goes to the model: the latest exchanges, within a budget of tokens."""

from __future__ import annotations

from kb.chat.follow_up.history import within_budget
from kb.types import Turn

TALK = [Turn(f"q{n}", "a" * 98) for n in range(5)]
"""Five exchanges of 100 characters."""


def test_the_latest_exchanges_that_fit_are_kept_whole_and_in_order():
    assert within_budget(TALK, len, 350) == tuple(TALK[2:])
    assert within_budget(TALK, len, 10_000) == tuple(TALK)


def test_there_are_no_gaps_in_what_is_kept():
    talk = [Turn("q0", "short"), Turn("q1", "x" * 500), Turn("q2", "short")]
    assert within_budget(talk, len, 100) == (talk[2],)


def test_the_latest_exchange_is_cut_rather_than_left_out():
    (kept,) = within_budget(TALK, len, 50)
    assert kept.query == "q4"
    assert kept.answer == "a" * 46 + " …"
    assert len(kept.query) + len(kept.answer) == 50


def test_a_question_that_alone_is_over_the_budget_is_cut_too():
    (kept,) = within_budget([Turn("q" * 100, "a")], len, 20)
    assert len(kept.query) + len(kept.answer) <= 20
    assert kept.query.startswith("qqq")


def test_no_budget_and_no_history_give_nothing():
    assert within_budget(TALK, len, 0) == ()
    assert within_budget([], len, 100) == ()
