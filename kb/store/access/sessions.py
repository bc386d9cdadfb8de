"""Console sessions: a keyed hash of each cookie, and when it ends (seconds since the epoch)."""

from __future__ import annotations

import time

from sqlalchemy import delete, insert, select

from kb.store.engine import schema
from kb.store.engine.database import Transaction

table = schema.sessions


def every(tx: Transaction) -> dict[bytes, float]:
    """Hash → end of each session that goes on."""
    rows = tx.execute(select(table).where(table.c.expires > time.time()))
    return {row.digest: row.expires for row in rows}


def end_of(tx: Transaction, digest: bytes) -> float:
    """When a session ends; 0 where there is none."""
    return tx.execute(select(table.c.expires).where(table.c.digest == digest)).scalar() or 0.0


def add(tx: Transaction, digest: bytes, expires: float) -> None:
    """Keep a session; forget those that are over."""
    tx.execute(delete(table).where(table.c.expires <= time.time()))
    tx.execute(insert(table).values(digest=digest, expires=expires))


def remove(tx: Transaction, digest: bytes) -> None:
    """End one session."""
    tx.execute(delete(table).where(table.c.digest == digest))


def remove_all(tx: Transaction) -> None:
    """End every session."""
    tx.execute(delete(table))
