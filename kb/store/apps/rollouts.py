"""Roll-outs of tuned variants, and what was observed of the answers that they are judged by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import NamedTuple

from sqlalchemy import JSON, ColumnElement, and_, func, not_, or_, select, type_coerce

from kb.ids import first_id
from kb.store.access.usage import UsageTotal
from kb.store.engine import dialect, schema
from kb.store.engine.database import Transaction
from kb.store.engine.schema.columns import of_row, to_row
from kb.types import FinishReason, Rating, Rollout, Route, Usage

table = schema.rollouts
messages = schema.messages
feedback = schema.feedback

OBSERVED = 1000
"""Latest answers of a variant that it is judged by."""

LOOKED_THROUGH = 20_000
"""Latest answers of an app among which those of base are looked for: none may be left."""

GAVE_WAY = ("fallback", "circuit_open", "shut_down")
"""How the reasons begin of answers that base gave because tuned could not."""


class Observed(NamedTuple):
    """An answer as far as it says how its variant does; `rating` is the worst that it got."""

    id: str
    app_version: int
    status: str
    finish_reason: FinishReason | None
    route: Route
    timings_ms: Mapping[str, float]
    replay_of: str | None
    rating: Rating | None

    @property
    def reason(self) -> str:
        """Why its variant answered."""
        return self.route.reason.partition(",")[0]


def get(tx: Transaction, app_id: str) -> Rollout | None:
    """The roll-out of an app that may be seen."""
    row = tx.execute(select(table).where(table.c.app_id == app_id)).one_or_none()
    return None if row is None else of_row(Rollout, row)


def put(tx: Transaction, rollout: Rollout) -> None:
    """Store a roll-out in place of the app's earlier one."""
    row = to_row(rollout)
    dialect.upsert(tx, table, row, replace=[name for name in row if name != "app_id"])


def running(tx: Transaction) -> list[Rollout]:
    """Those that are watched."""
    query = select(table).where(table.c.stage.in_(("shadow", "canary", "full")))
    return [of_row(Rollout, row) for row in tx.execute(query)]


def of_tuned(tx: Transaction, rollout: Rollout) -> list[Observed]:
    """What tuned was asked in the present step, newest first, also where it gave way to base."""
    m = messages.c
    of_stage = m.replay_of.is_not(None) if rollout.stage == "shadow" else m.replay_of.is_(None)
    own = _since(rollout.app_id, rollout.step_began_at), m.app_version == rollout.version
    return _observed(tx, *own, of_stage, _IS_TUNED)


def of_base(tx: Transaction, rollout: Rollout) -> list[Observed]:
    """What base was asked since the roll-out began, newest first."""
    latest = select(messages.c.id).where(_since(rollout.app_id, rollout.began_at))
    latest = latest.order_by(messages.c.id.desc()).limit(LOOKED_THROUGH)
    own = messages.c.id.in_(latest), messages.c.replay_of.is_(None)
    return _observed(tx, *own, not_(_IS_TUNED))


def side_by_side(
    tx: Transaction,
    app_id: str,
    totals: Sequence[UsageTotal],
    since: str | None,
    until: str | None,
) -> tuple[UsageTotal, ...]:
    """What an app's variants have used, with how the latest of their stored answers were."""
    from_day = _since(app_id, f"{since or '1970-01-01'}T00:00:00Z")
    own = from_day, messages.c.created_at < f"{until or '9999'}~"
    found = []
    for total in totals:
        seen = _observed(tx, *own, _variant == total.name)
        first_ms = [ms for each in seen if (ms := each.timings_ms.get("first_token"))]
        ratings = [each.rating for each in seen]
        judged = replace(
            total,
            observed=len(seen),
            first_token_ms=round(median(first_ms), 1) if first_ms else None,
            refusals=sum(each.finish_reason == "refused" for each in seen),
            likes=ratings.count("like"),
            dislikes=ratings.count("dislike"),
        )
        found.append(judged)
    return tuple(found)


def replayed_tokens(tx: Transaction, app_id: str, since: str) -> int:
    """Tokens of the answers that were given again since a moment."""
    own = _since(app_id, since), messages.c.replay_of.is_not(None)
    used: list[Usage] = list(tx.execute(select(messages.c.usage).where(*own)).scalars())
    return sum(usage.prompt_tokens + usage.completion_tokens for usage in used)


def _since(app_id: str, moment: str) -> ColumnElement[bool]:
    """Those of an app that were asked for since a moment: ids sort by it."""
    return and_(messages.c.id >= first_id("msg", moment), messages.c.app_id == app_id)


def _observed(tx: Transaction, *own: ColumnElement[bool]) -> list[Observed]:
    m = messages.c
    worst = select(func.min(feedback.c.rating)).where(feedback.c.message_id == m.id)
    columns = m.id, m.app_version, m.status, m.finish_reason, m.route, m.timings_ms, m.replay_of
    query = select(*columns, worst.scalar_subquery()).where(*own)
    return [Observed(*row) for row in tx.execute(query.order_by(m.id.desc()).limit(OBSERVED))]


_route = type_coerce(messages.c.route, JSON)
_variant = _route["variant"].as_string()
_IS_TUNED = or_(
    _variant == "tuned",
    *(_route["reason"].as_string().startswith(reason) for reason in GAVE_WAY),
)
