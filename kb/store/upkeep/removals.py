"""Originals that are to be deleted on another machine, and those that have just been.

A request to delete may act late, and whoever uploads the same bytes meanwhile must not rely on
what it deletes. So it is sent outside of transactions, and its row says since when: `begun_at`,
until it is known to be over: `ended_at`. Times are the database's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import delete, or_, select, update

from kb.store.content import documents
from kb.store.engine import dialect, schema
from kb.store.engine.database import Transaction

AT_ONCE = 500
AGAIN_S = 120.0
"""After so long no request is on its way any more whose answer was lost."""
REMEMBERED_S = 86_400.0
"""No upload takes longer from its bytes to its rows."""

table = schema.removals


def add(tx: Transaction, sha256: str, *, is_kept: bool = False) -> None:
    """Have an original deleted, which no row needs any more.

    Args:
        is_kept: whether it is kept elsewhere, for people to look at.
    """
    fresh = {"is_kept": is_kept, "begun_at": None, "ended_at": None}
    ended = (table.c.sha256 == sha256) & table.c.ended_at.is_not(None)
    tx.execute(update(table).where(ended).values(**fresh))
    dialect.upsert(tx, table, {"sha256": sha256, **fresh})


def under_way(tx: Transaction, hashes: Collection[str], since: float) -> bool:
    """Whether any is being deleted, or was since a time."""
    is_unsure = or_(table.c.ended_at.is_(None), table.c.ended_at >= since)
    own = dialect.among(table.c.sha256, hashes), table.c.begun_at.is_not(None), is_unsure
    return tx.execute(select(table.c.sha256).where(*own).limit(1)).first() is not None


def forget(tx: Transaction, hashes: Collection[str]) -> None:
    """They are needed again, and none is being deleted."""
    tx.execute(delete(table).where(dialect.among(table.c.sha256, hashes)))


def waiting(tx: Transaction) -> set[str]:
    """All that are to be deleted, or are just being."""
    return set(tx.execute(select(table.c.sha256).where(table.c.ended_at.is_(None))).scalars())


def begin(tx: Transaction) -> list[tuple[str, bool]]:
    """Some that nobody needs, to be deleted now, and whether each is kept elsewhere.

    Call it in a transaction that runs alone.
    """
    now = dialect.now(tx)
    tx.execute(delete(table).where(table.c.ended_at < now - REMEMBERED_S))
    is_due = or_(table.c.begun_at.is_(None), table.c.begun_at < now - AGAIN_S)
    columns = table.c.sha256, table.c.is_kept
    waiting = select(*columns).where(table.c.ended_at.is_(None), is_due).limit(AT_ONCE)
    found = {row.sha256: row.is_kept for row in tx.execute(waiting)}
    forget(tx, [sha256 for sha256 in found if documents.needs_original(tx, sha256)])
    own = dialect.among(table.c.sha256, list(found))
    tx.execute(update(table).where(own).values(begun_at=now))
    return [(row.sha256, row.is_kept) for row in tx.execute(select(*columns).where(own))]


def end(tx: Transaction, hashes: Iterable[str]) -> None:
    """They are deleted."""
    own = dialect.among(table.c.sha256, list(hashes))
    tx.execute(update(table).where(own).values(ended_at=dialect.now(tx)))


def ended(tx: Transaction, since: float) -> tuple[list[str], float]:
    """What was deleted since a time, and the time now."""
    query = select(table.c.sha256).where(table.c.ended_at >= since)
    return list(tx.execute(query).scalars()), dialect.now(tx)
