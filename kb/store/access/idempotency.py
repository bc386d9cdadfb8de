"""First answers to creating requests, kept for a day: the same key gets the same answer again."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass

from sqlalchemy import delete, select

from kb.errors import Conflict
from kb.store.engine import dialect, schema
from kb.store.engine.database import Transaction
from kb.store.upkeep import erasures

table = schema.idempotency

KEPT_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class FirstAnswer:
    """What the first request with a key was answered."""

    status: int
    body: str


def find(tx: Transaction, caller: str, key: str, fingerprint: str) -> FirstAnswer | None:
    """The first answer to this key, if it is not too old.

    Raises:
        Conflict: the key was used for another request.
    """
    query = select(table).where(table.c.key == key, table.c.caller == caller)
    row = tx.execute(query.where(table.c.created > time.time() - KEPT_S)).one_or_none()
    if row is None:
        return None
    if row.fingerprint != fingerprint:
        raise Conflict("This Idempotency-Key was used for another request. Use a new one.")
    return FirstAnswer(row.status, row.body)


def keep(tx: Transaction, caller: str, key: str, fingerprint: str, answer: FirstAnswer) -> None:
    """Remember a first answer, in place of one that is there no more; forget what is too old.

    Not if it shows a document that was deleted while it was written.
    """
    tx.execute(delete(table).where(table.c.created <= time.time() - KEPT_S))
    if erasures.SOURCES in answer.body and erasures.among(tx, erasures.named_in(answer.body)):
        return
    values = {"fingerprint": fingerprint, **asdict(answer), "created": time.time()}
    dialect.upsert(tx, table, {"key": key, "caller": caller, **values}, replace=values)
