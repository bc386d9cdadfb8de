"""What readers have been told of hidden prompts, as intervals of the folded text.

A reader is an end user, or a key where no user is named. A row holds places, no words; it goes with
the app, or when an operator deletes the last conversation of its user.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, exists, select

from kb.ids import now
from kb.store.engine import dialect, schema
from kb.store.engine.database import Transaction

table = schema.disclosures

_TOLD = select(table.c.intervals).where(
    *(table.c[name] == bindparam(name) for name in ("app_id", "prompt", "reader"))
)
"""Made once: making a statement takes longer than running it."""

KEPT = 10_000
"""Rows of an app; those that grew longest ago go first. Only who was told some of a prompt has one,
and users that a widget names by itself share that of its key."""


def get(tx: Transaction, app_id: str, prompt: str, reader: str) -> Sequence[tuple[int, int]]:
    """The intervals that a reader was told of the prompt with this digest."""
    own = {"app_id": app_id, "prompt": prompt, "reader": reader}
    return tx.execute(_TOLD, own).scalar() or ()


def put(
    tx: Transaction, app_id: str, prompt: str, reader: str, intervals: Sequence[tuple[int, int]]
) -> None:
    """Keep what a reader was told; nothing if the app was deleted meanwhile."""
    if not tx.execute(select(exists().where(schema.apps.c.id == app_id))).scalar():
        return
    row = {"app_id": app_id, "prompt": prompt, "reader": reader}
    values = {"intervals": intervals, "updated_at": now()}
    dialect.upsert(tx, table, row | values, replace=list(values))
    moments = select(table.c.updated_at).where(table.c.app_id == app_id)
    oldest = moments.order_by(table.c.updated_at.desc()).offset(KEPT).limit(1).scalar_subquery()
    tx.execute(delete(table).where(table.c.app_id == app_id, table.c.updated_at <= oldest))


def remove(tx: Transaction, app_id: str, reader: str | None = None) -> None:
    """Forget what the readers of an app were told, or one of them."""
    gone = delete(table).where(table.c.app_id == app_id)
    tx.execute(gone if reader is None else gone.where(table.c.reader == reader))
