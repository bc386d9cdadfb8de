"""How the two variants of an app do, and when the tuned one does worse than it may."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from kb.store.apps.rollouts import GAVE_WAY, Observed
from kb.types import RolloutPlan

LEAST_FAILURES = 2
"""One failure says nothing, however few the answers."""

LEAST_LATER_MS = 100.0
"""Less nobody notices, whatever the ratio."""

LEAST_Z = 2.58
"""Of the two-proportion test: one in 200 by chance. Strict, because it is looked at many times."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One variant's answers; the 95th percentile of its first tokens is None without any."""

    answers: int
    failures: int
    first_token_p95_ms: float | None
    rated: int
    disliked: int

    def __str__(self) -> str:
        late = "" if self.first_token_p95_ms is None else f", p95 {self.first_token_p95_ms:.0f} ms"
        return f"{self.failures}/{self.answers} failed, {self.disliked}/{self.rated} disliked{late}"


def arm(found: Sequence[Observed]) -> Arm:
    """The figures of a variant; answers that somebody stopped, and fixed ones, say nothing."""
    counted = [o for o in found if o.status != "cancelled" and o.reason != "annotation"]
    failed = [o.status == "failed" or o.reason in GAVE_WAY for o in counted]
    whole = (o for o, has_failed in zip(counted, failed, strict=True) if not has_failed)
    timed = sorted(ms for o in whole if (ms := o.timings_ms.get("first_token")))
    rated = [one.rating for one in counted if one.rating is not None]
    return Arm(
        answers=len(counted),
        failures=sum(failed),
        first_token_p95_ms=timed[math.ceil(len(timed) * 0.95) - 1] if timed else None,
        rated=len(rated),
        disliked=rated.count("dislike"),
    )


def reason_to_return(base: Arm, tuned: Arm, plan: RolloutPlan) -> str | None:
    """Why the tuned variant must not go on, with the figures; None if it may."""
    said = f"Tuned: {tuned}. Base: {base}."
    if tuned.answers >= plan.least_answers:
        more = _share(tuned.failures, tuned.answers) - _share(base.failures, base.answers)
        if tuned.failures >= LEAST_FAILURES and more * 100 > plan.failure_points:
            return f"It fails too often. {said}"
    if min(tuned.answers, base.answers) >= plan.least_answers:
        slow, usual = tuned.first_token_p95_ms or 0.0, base.first_token_p95_ms or math.inf
        if slow > max(usual * plan.slow_ratio, usual + LEAST_LATER_MS):
            return f"Its first token comes too late. {said}"
    if min(tuned.rated, base.rated) >= plan.least_rated and _z(tuned, base) > LEAST_Z:
        return f"It is disliked more. {said}"
    return None


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _z(tuned: Arm, base: Arm) -> float:
    """How many standard errors tuned is disliked more (two proportions, pooled)."""
    pooled = (tuned.disliked + base.disliked) / (tuned.rated + base.rated)
    error = math.sqrt(pooled * (1 - pooled) * (1 / tuned.rated + 1 / base.rated))
    difference = tuned.disliked / tuned.rated - base.disliked / base.rated
    return difference / error if error else 0.0
