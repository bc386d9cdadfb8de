"""Whether a tuned search is worth switching to, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping

from eval.metrics.intervals import mcnemar

SURE = 0.05
FEWEST_QUESTIONS = 20


def is_better(found: Mapping[str, float]) -> bool:
    """Whether more held-out questions were won than lost, and not by luck."""
    won, lost = int(found["gained"]), int(found["lost"])
    return won > lost and mcnemar(won, lost) < SURE and found["questions"] >= FEWEST_QUESTIONS


def verdict(found: Mapping[str, float]) -> str:
    """One sentence about what a trainer has measured on held-out documents."""
    won, lost, count = int(found["gained"]), int(found["lost"]), int(found["questions"])
    figures = (
        f"recall@1 {found['recall@1_before']:.3f} → {found['recall@1_after']:.3f} on {count} "
        f"held-out questions ({won} won, {lost} lost, McNemar p = {mcnemar(won, lost):.3f})"
    )
    if is_better(found):
        return f"Use it: {figures}."
    if count < FEWEST_QUESTIONS:
        return f"Do not use it: {figures}. That is too few to tell; bring more with --questions."
    return f"Do not use it: {figures}."
