"""A tuned search is used only where more questions were won than lost, and not by luck."""

from __future__ import annotations

import pytest

from tune.retrieval.verdict import is_better, verdict


def measures(gained: int, lost: int, questions: int = 100) -> dict[str, float]:
    before = questions // 2
    return {
        "questions": questions,
        "recall@1_before": before / questions,
        "recall@1_after": (before + gained - lost) / questions,
        "gained": gained,
        "lost": lost,
    }


@pytest.mark.parametrize(
    ("gained", "lost", "expected"),
    [(12, 2, True), (4, 2, False), (2, 12, False), (0, 0, False)],
    ids=["better", "perhaps luck", "worse", "the same"],
)
def test_it_is_used_if_it_is_surely_better(gained: int, lost: int, expected: bool):
    assert is_better(measures(gained, lost)) is expected


def test_the_verdict_says_how_many_were_right_and_how_sure_that_is():
    # 10 of 10: p = 2 / 2**10
    assert verdict(measures(10, 0)) == (
        "Use it: recall@1 0.500 → 0.600 on 100 held-out questions (10 won, 0 lost, "
        "McNemar p = 0.002)."
    )


def test_few_questions_tell_nothing():
    assert verdict(measures(9, 0, questions=12)).startswith("Do not use it")
    assert "--questions" in verdict(measures(9, 0, questions=12))
