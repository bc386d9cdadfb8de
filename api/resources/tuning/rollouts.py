"""Rolling out the tuned variant of an app."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field, StringConstraints

from api.deps import KB, AdminScope
from api.resources.fields import Body, Text
from api.resources.response import Response, Timestamp
from api.resources.tuning.publishing import GatesBody
from api.threads import read, write
from kb.apps.gates import Gates
from kb.apps.rollout import rollouts
from kb.apps.rollout.figures import Arm
from kb.apps.rollout.rollouts import RolloutState
from kb.store.apps.rollouts import OBSERVED
from kb.types import RolloutEvent, RolloutPlan, RolloutStage

router = APIRouter(prefix="/v1/apps", tags=["tuning"])

Percent = Annotated[int, Field(ge=0, le=100)]
Step = Annotated[int, Field(ge=1, le=100)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]


class PlanBody(Body):
    """How a roll-out goes on, and when it goes back by itself."""

    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=20)] = (5, 25, 100)
    """Shares of the conversations, in percent, one after the other."""
    answers: Annotated[int, Field(ge=1, le=OBSERVED)] = 100
    """Answers of the tuned variant after which a step is over."""
    hours: Annotated[float, Field(ge=0, le=10_000, allow_inf_nan=False)] = 0.0
    """Least time that a step takes."""
    shadow_percent: Percent = 100
    """Share of base's answers that tuned gives again, unseen."""
    shadow_tokens_per_day: Annotated[int, Field(ge=0, le=1 << 53)] = 200_000
    failure_points: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = 2.0
    """It goes back if tuned fails in so many hundredths more of its answers than base."""
    slow_ratio: Annotated[float, Field(ge=1, le=1000, allow_inf_nan=False)] = 1.5
    """It goes back if the 95th percentile of its first tokens is so many times base's."""
    least_answers: Count = 20
    """Fewer say nothing about failures and first tokens."""
    least_rated: Count = 50
    """Fewer rated answers, on either side, say nothing about dislikes."""


class RolloutBody(Body):
    """What is to become of the tuned variant of the published version."""

    stage: Literal["shadow", "canary", "returned", "stopped"]
    """Begin unseen, begin with the first step, go back to base, or leave the switch as it is."""
    plan: PlanBody = PlanBody()
    report: dict[str, Any] = Field(default_factory=dict)
    """The JSON report of an evaluation with four arms; left out, what the job has measured."""
    gates: GatesBody = GatesBody()
    override: Annotated[Text, StringConstraints(max_length=1000)] = ""
    """Why it begins although a gate is shut."""


class RolloutResponse(Response):
    """How far a roll-out is, how both variants do, and what was done and why."""

    stage: RolloutStage
    percent: int
    version: int
    began_at: Timestamp
    step_began_at: Timestamp
    plan: RolloutPlan
    base: Arm
    tuned: Arm
    events: tuple[RolloutEvent, ...]


@router.get("/{app}/rollout")
async def get_rollout(app: str, kb: KB, scope: AdminScope) -> RolloutResponse:
    """How the roll-out of an app stands."""
    return _shown(await read(kb, rollouts.state, scope, app))


@router.put("/{app}/rollout")
async def put_rollout(app: str, body: RolloutBody, kb: KB, scope: AdminScope) -> RolloutResponse:
    """Begin, end or go back.

    Refused with 409 while a gate is shut: the answer has the figure, and `override` begins all the
    same.
    """
    if body.stage in ("returned", "stopped"):
        return _shown(await write(kb, rollouts.end, scope, app, body.stage))
    wanted = body.stage, body.plan.to(RolloutPlan), body.report, body.gates.to(Gates)
    return _shown(await write(kb, rollouts.begin, scope, app, *wanted, body.override))


def _shown(found: RolloutState) -> RolloutResponse:
    names = ("stage", "percent", "version", "began_at", "step_began_at", "plan", "events")
    fields = {name: getattr(found.rollout, name) for name in names}
    return RolloutResponse.model_validate({**fields, "base": found.base, "tuned": found.tuned})
