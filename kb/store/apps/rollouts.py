"""Roll-outs of tuned variants, and what was observed of the answers that they are judged by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import func, select

from kb.ids import first_id
from kb.store.engine import dialect, schema
from kb.store.engine.database import Transaction
from kb.store.engine.schema.columns import of_row, to_row
from kb.types import Rating, Rollout, Route, Usage

table = schema.rollouts
messages = schema.messages
feedback = schema.feedback

OBSERVED = 2000
"""Latest answers of an app that a roll-out is judged by."""


class Observed(NamedTuple):
    """An answer as far as it says how its variant does; `rating` is the worst that it got."""

    id: str
    app_version: int
    status: str
    route: Route
    timings_ms: Mapping[str, float]
    replay_of: str | None
    rating: Rating | None


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


def observed(tx: Transaction, app_id: str, since: str) -> list[Observed]:
    """The latest answers of an app that were asked for since a moment, newest first."""
    m = messages.c
    worst = select(func.min(feedback.c.rating)).where(feedback.c.message_id == m.id)
    query = select(
        m.id, m.app_version, m.status, m.route, m.timings_ms, m.replay_of, worst.scalar_subquery()
    )
    own = query.where(m.app_id == app_id, m.id >= first_id("msg", since))
    return [Observed(*row) for row in tx.execute(own.order_by(m.id.desc()).limit(OBSERVED))]


def replayed_tokens(tx: Transaction, app_id: str, since: str) -> int:
    """Tokens of the answers that were given again since a moment."""
    m = messages.c
    own = m.app_id == app_id, m.id >= first_id("msg", since), m.replay_of.is_not(None)
    used: list[Usage] = list(tx.execute(select(m.usage).where(*own)).scalars())
    return sum(usage.prompt_tokens + usage.completion_tokens for usage in used)
