"""Whether to fine-tune, in one sentence: the best arm with it against the best one without."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eval.metrics.intervals import mcnemar, paired_bootstrap

SIGNIFICANT = 0.05
MUCH_CHEAPER = 0.8
"""Of the other's cost of a right answer: a smaller difference is not worth a change."""
MUCH_WORSE = 0.1
"""Of the questions: where so large a loss cannot be ruled out, cost alone is no reason."""


@dataclass(frozen=True, slots=True)
class ArmCost:
    """An arm as the verdict sees it: for each question whether it was right (None: not judged),
    the mean cost of an answer and that of one before the first, all in all (None: no prices)."""

    key: str
    is_tuned: bool
    right: Sequence[float | None]
    an_answer: float | None
    a_month: float
    answers_a_month: float

    @property
    def name(self) -> str:
        """As people read it."""
        return label(self.key)

    @property
    def share(self) -> float:
        """The share of right answers."""
        known = [value for value in self.right if value is not None]
        return sum(known) / len(known) if known else 0.0

    @property
    def a_right_answer(self) -> float | None:
        """What a right answer costs, hosting and training included; None if none is right."""
        if self.an_answer is None or not self.share:
            return None
        return (self.an_answer + self.a_month / self.answers_a_month) / self.share


def label(key: str) -> str:
    """An arm as people read it."""
    return key.replace("_", " + ")


def difference(one: ArmCost, other: ArmCost) -> dict[str, Any]:
    """Right answers of `other` less those of `one`: mean, 95 % interval (paired bootstrap), and
    McNemar's p; over the questions that are judged in both."""
    both = zip(one.right, other.right, strict=True)
    pairs = [(a, b) for a, b in both if a is not None and b is not None]
    change = paired_bootstrap(*zip(*(pairs or [(0.0, 0.0)]), strict=True))
    p = mcnemar(sum(b > a for a, b in pairs), sum(a > b for a, b in pairs))
    names = {"one": one.key, "other": other.key, "questions": len(pairs)}
    return names | {"mean": change.mean, "low": change.low, "high": change.high, "p_value": p}


def verdict(arms: Sequence[ArmCost]) -> dict[str, Any]:
    """Whether to fine-tune: for more right answers, or else for their cost, or not at all.

    Of equally good arms the cheaper one is looked at. A difference counts if McNemar's test says
    so; without one a tuned arm must make right answers cheaper by a fifth, and a loss of a tenth of
    them must be ruled out by the interval. `break_even` are the
    answers a month from which an answer is cheaper by tuning: None if never, or unknown.
    """
    best = {kind: min((a for a in arms if a.is_tuned is kind), key=_rank) for kind in (False, True)}
    untuned, tuned = best[False], best[True]
    change = difference(untuned, tuned)
    is_sure = change["p_value"] < SIGNIFICANT
    times, p = _times(tuned, untuned), f"p = {change['p_value']:.2g}"
    shares = f"{tuned.share:.0%} against {untuned.share:.0%}, {p}"
    if not change["questions"]:
        pays, said = None, "Nothing is judged: no question says which answer is right."
    elif is_sure and change["mean"] > 0:
        pays, said = True, f"Fine-tune: {tuned.name} is right more often ({shares})"
    elif is_sure:
        pays, said = False, f"Do not fine-tune: {untuned.name} is right more often "
        said += f"({untuned.share:.0%} against {tuned.share:.0%}, {p})"
        times = _times(untuned, tuned)
    else:
        is_alike = change["low"] > -MUCH_WORSE
        pays = is_alike and times is not None and times < MUCH_CHEAPER
        said = "Fine-tune for the cost alone" if pays else "Do not fine-tune"
        said += f": over {change['questions']} questions no difference in right answers is shown "
        said += f"({shares})"
        said += "" if is_alike else ", too few to rule out that tuned is right much less often"
    if change["questions"]:
        said += "." if times is None else f", and a right answer costs {times:.2g} times as much."
    return {
        "pays": pays,
        "sentence": said,
        "people": "",
        "break_even": _break_even(untuned, tuned),
        **change,
    }


def _rank(arm: ArmCost) -> tuple[float, float]:
    cost = arm.a_right_answer
    return -arm.share, math.inf if cost is None else cost


def _times(one: ArmCost, other: ArmCost) -> float | None:
    """How many times as much a right answer costs, where both are known and not free."""
    own, others = one.a_right_answer, other.a_right_answer
    return own / others if own and others else None


def _break_even(untuned: ArmCost, tuned: ArmCost) -> float | None:
    if untuned.an_answer is None or tuned.an_answer is None:
        return None
    more, saved = tuned.a_month - untuned.a_month, untuned.an_answer - tuned.an_answer
    if more <= 0 <= saved:
        return 0.0
    return more / saved if saved > 0 else None
