"""Beginning a roll-out, looking at it, and moving it on or back. What is done is told with figures.

The switch of the app is what routes; a roll-out only turns it, and stops where somebody else does.
Conversations keep the variant that they have.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from kb.apps.gates import GateNotMet, Gates, figures, not_met
from kb.apps.rollout.figures import Arm, arm, reason_to_return
from kb.errors import Conflict, NotFound
from kb.ids import now
from kb.store.apps import apps, rollouts
from kb.store.engine.database import Transaction
from kb.types import Rollout, RolloutEvent, RolloutPlan, RolloutStage, RoutePolicy, Scope

logger = logging.getLogger(__name__)

EVENTS_KEPT = 200


@dataclass(frozen=True, slots=True)
class RolloutState:
    """A roll-out with how both variants do in it."""

    rollout: Rollout
    base: Arm
    tuned: Arm


@dataclass(frozen=True, slots=True)
class Move:
    """Where a roll-out is to go, and why."""

    stage: RolloutStage
    percent: int
    detail: str
    version: int


def state(tx: Transaction, scope: Scope, app: str) -> RolloutState:
    """The roll-out of an app. Raises NotFound."""
    found = rollouts.get(tx, apps.get(tx, scope, app).id)
    if found is None:
        raise NotFound("roll-out of app", app)
    return _state(tx, found)


def begin(
    tx: Transaction,
    scope: Scope,
    app: str,
    stage: RolloutStage,
    plan: RolloutPlan,
    report: Mapping[str, Any],
    gates: Gates,
    override: str = "",
) -> RolloutState:
    """Begin with answers that nobody sees ("shadow"), or with the first step ("canary").

    Args:
        report: of an evaluation; empty takes what the job of the tuned model has measured.
        override: why it begins although a gate is shut; it is kept.

    Raises:
        NotFound: there is no such app.
        Conflict: its published version has no tuned variant.
        GateNotMet: a gate is shut, and nothing overrides it.
    """
    found = apps.get(tx, scope, app)
    content = apps.published_contents(tx, scope, [found.id]).get(found.id)
    if content is None or content.tuned is None or found.version is None:
        raise Conflict("The published version has no tuned variant. Publish a draft that has one.")
    shown = figures(tx, scope, content.tuned.model, report)
    shut = " ".join(one.detail for one in not_met(shown, gates))
    if shut and not override:
        raise GateNotMet(f"{shut} Change `gates`, or say in `override` why it begins all the same.")
    moment, earlier = now(), rollouts.get(tx, found.id)
    events = earlier.events if earlier else ()
    new = Rollout(found.id, found.version, stage, 0, plan, moment, moment, events)
    percent = min(plan.steps) if stage == "canary" else 0
    stage = "full" if percent == 100 else stage
    detail = f"Begun. {shut} Overridden: {override}" if shut else "Begun."
    return _state(tx, move(tx, scope, new, Move(stage, percent, detail, found.version)))


def end(tx: Transaction, scope: Scope, app: str, stage: RolloutStage) -> RolloutState:
    """Go back to base ("returned"), or leave the switch as it is ("stopped"). Raises NotFound."""
    found = state(tx, scope, app).rollout
    percent = 0 if stage == "returned" else found.percent
    return _state(tx, move(tx, scope, found, Move(stage, percent, "By hand.", found.version)))


def due(tx: Transaction, scope: Scope, rollout: Rollout) -> Move | None:
    """What is to be done with a roll-out now, if anything."""
    app, percent, version = apps.get(tx, scope, rollout.app_id), rollout.percent, rollout.version
    turned = _turned(app.route, rollout)
    if (app.route.mode, app.route.percent) != (turned.mode, turned.percent):
        return Move("stopped", percent, "Somebody else has turned the switch.", version)
    if app.version != version:
        content = apps.published_contents(tx, scope, [app.id]).get(app.id)
        if content is None or content.tuned is None or app.version is None:
            return Move("returned", 0, "The published version has no tuned variant.", version)
        said = f"Version {app.version} answers now: the step begins anew."
        return Move(rollout.stage, percent, said, app.version)
    found, plan = _state(tx, rollout), rollout.plan
    if reason := reason_to_return(found.base, found.tuned, plan):
        return Move("returned", 0, reason, version)
    hours = _seconds_since(rollout.step_began_at) / 3600
    is_over = found.tuned.answers >= plan.answers and hours >= plan.hours
    following = min((step for step in plan.steps if step > percent), default=None)
    if not is_over or following is None:
        return None
    said = f"The step is over. Tuned: {found.tuned}. Base: {found.base}."
    return Move("full" if following == 100 else "canary", following, said, version)


def go_on(tx: Transaction, scope: Scope, app_id: str) -> None:
    """Do what is due now: since it was looked at, somebody may have ended the roll-out."""
    found = next((each for each in rollouts.running(tx) if each.app_id == app_id), None)
    if found is not None and (to := due(tx, scope, found)) is not None:
        move(tx, scope, found, to)
        logger.info("roll-out of %s: %s, %d %%. %s", app_id, to.stage, to.percent, to.detail)


def move(tx: Transaction, scope: Scope, rollout: Rollout, to: Move) -> Rollout:
    """Do it: the switch, unless it is left as it is, and the event that says why."""
    happened = RolloutEvent(now(), to.stage, to.percent, to.detail)
    moved = replace(
        rollout,
        version=to.version,
        stage=to.stage,
        percent=to.percent,
        step_began_at=happened.created_at,
        events=(*rollout.events, happened)[-EVENTS_KEPT:],
    )
    if to.stage != "stopped":
        route = apps.get(tx, scope, rollout.app_id).route
        apps.set_route(tx, scope, rollout.app_id, _turned(route, moved))
    rollouts.put(tx, moved)
    return moved


def _turned(route: RoutePolicy, rollout: Rollout) -> RoutePolicy:
    percent = rollout.percent
    if percent in (0, 100):
        return replace(route, mode="tuned" if percent else "base", percent=0)
    return replace(route, mode="split", percent=percent)


def _state(tx: Transaction, rollout: Rollout) -> RolloutState:
    base, tuned = rollouts.of_base(tx, rollout), rollouts.of_tuned(tx, rollout)
    return RolloutState(rollout, arm(base), arm(tuned))


def _seconds_since(moment: str) -> float:
    return (datetime.fromisoformat(now()) - datetime.fromisoformat(moment)).total_seconds()
