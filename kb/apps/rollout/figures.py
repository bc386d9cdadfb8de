"""How the two variants of an app do, and when the tuned one does worse than it may."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kb.store.apps.rollouts import Observed
from kb.types import Rollout, RolloutPlan

GAVE_WAY = frozenset({"fallback", "circuit_open", "shut_down"})
"""Reasons of answers that base gave because tuned could not."""

LEAST_FAILURES = 2
"""One failure says nothing, however few the answers."""

LEAST_LATER_MS = 100.0
"""Less nobody notices, whatever the ratio."""

LEAST_Z = 2.58
"""Of the two-proportion test: one in 200 by chance. Strict, because it is looked at many times."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One variant's answers; the 95th percentile of its first tokens is None without any."""

    answers: int = 0
    failures: int = 0
    first_token_p95_ms: float | None = None
    rated: int = 0
    disliked: int = 0

    def __str__(self) -> str:
        late = "" if self.first_token_p95_ms is None else f", p95 {self.first_token_p95_ms:.0f} ms"
        return f"{self.failures}/{self.answers} failed, {self.disliked}/{self.rated} disliked{late}"


def arms(rollout: Rollout, seen: Sequence[Observed], step: str) -> tuple[Arm, Arm]:
    """Base since the roll-out began, and the tuned variant of its version in the present step.

    Args:
        step: the id that messages of the step sort after.
    """
    is_shadow = rollout.stage == "shadow"
    tuned = (
        one
        for one in seen
        if _is_tuned(one)
        and one.id >= step
        and one.app_version == rollout.version
        and (one.replay_of is not None) == is_shadow
    )
    base = (one for one in seen if one.replay_of is None and not _is_tuned(one))
    return _arm(base), _arm(tuned)


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


def may_be_shadowed(one: Observed, rollout: Rollout) -> bool:
    """Whether an answer is one of base that the tuned variant of its version can give as well."""
    is_whole = one.status == "completed" and one.replay_of is None
    is_known = one.app_version == rollout.version and _reason(one) != "annotation"
    return is_whole and is_known and not _is_tuned(one)


def _is_tuned(one: Observed) -> bool:
    return one.route.variant == "tuned" or _reason(one) in GAVE_WAY


def _reason(one: Observed) -> str:
    return one.route.reason.partition(",")[0]


def _has_failed(one: Observed) -> bool:
    return one.status == "failed" or _reason(one) in GAVE_WAY


def _arm(found: Iterable[Observed]) -> Arm:
    """Answers that somebody stopped, and fixed ones, say nothing about a model."""
    counted = [o for o in found if o.status != "cancelled" and _reason(o) != "annotation"]
    timed = sorted(
        ms for o in counted if not _has_failed(o) and (ms := o.timings_ms.get("first_token"))
    )
    rated = [one.rating for one in counted if one.rating is not None]
    return Arm(
        answers=len(counted),
        failures=sum(map(_has_failed, counted)),
        first_token_p95_ms=timed[math.ceil(len(timed) * 0.95) - 1] if timed else None,
        rated=len(rated),
        disliked=rated.count("dislike"),
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _z(tuned: Arm, base: Arm) -> float:
    """How many standard errors tuned is disliked more (two proportions, pooled)."""
    pooled = (tuned.disliked + base.disliked) / (tuned.rated + base.rated)
    error = math.sqrt(pooled * (1 - pooled) * (1 / tuned.rated + 1 / base.rated))
    difference = tuned.disliked / tuned.rated - base.disliked / base.rated
    return difference / error if error else 0.0
