"""Roll-outs of tuned variants: from answers that nobody sees to every conversation, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RolloutStage = Literal["shadow", "canary", "full", "returned", "stopped"]
"""`returned`: base answers again. `stopped`: the switch stays as it is, and is watched no more."""


@dataclass(frozen=True, slots=True)
class RolloutPlan:
    """How a roll-out goes on, and when it goes back by itself.

    A step (the shadow is one) is over after so many `answers` of the tuned variant and so many
    `hours`. Of base's answers `shadow_percent` are given again by tuned, unseen, with at most
    `shadow_tokens_per_day`. It goes back if tuned fails in over `failure_points` hundredths more of
    its answers than base, if its first token comes later by `slow_ratio` (95th percentile), or if
    it is disliked more; not before `least_answers`, or `least_rated` on both sides.
    """

    steps: tuple[int, ...] = (5, 25, 100)
    answers: int = 100
    hours: float = 0.0
    shadow_percent: int = 100
    shadow_tokens_per_day: int = 200_000
    failure_points: float = 2.0
    slow_ratio: float = 1.5
    least_answers: int = 20
    least_rated: int = 50


@dataclass(frozen=True, slots=True)
class RolloutEvent:
    """Something that was done to a roll-out, and why."""

    created_at: str
    stage: RolloutStage
    percent: int
    detail: str


@dataclass(frozen=True, slots=True)
class Rollout:
    """The roll-out of an app's tuned variant; `percent` of the conversations are tuned."""

    app_id: str
    version: int
    stage: RolloutStage
    percent: int
    plan: RolloutPlan
    began_at: str
    step_began_at: str
    events: tuple[RolloutEvent, ...] = ()
