"""Work to be done on documents, in the same transactions as the documents themselves.

A claim is a lease with a fencing token: whoever finishes must still hold the token, so a worker
that was thought dead can never overwrite its successor's result.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update

from kb.store import schema
from kb.store.database import Transaction

table = schema.jobs

LEASE_S = 120.0


@dataclass(frozen=True, slots=True)
class Job:
    """One document version to index."""

    id: int
    document_id: str
    version: int
    attempts: int
    token: int


def add(tx: Transaction, document_id: str, version: int) -> None:
    """Queue a document version; an older job of the same document is replaced."""
    drop(tx, document_id)
    tx.execute(
        insert(table).values(
            document_id=document_id, version=version, status="queued", attempts=0, token=0
        )
    )


def claim(tx: Transaction, limit: int) -> list[Job]:
    """Take the oldest waiting jobs, and those whose lease ran out; each counts one attempt."""
    waiting = (
        select(table.c.id)
        .where((table.c.status == "queued") | (table.c.lease_until < time.time()))
        .order_by(table.c.id)
        .limit(limit)
    )
    rows = tx.execute(
        update(table)
        .where(table.c.id.in_(waiting))
        .values(
            status="running",
            attempts=table.c.attempts + 1,
            token=table.c.token + 1,
            lease_until=time.time() + LEASE_S,
        )
        .returning(table)
    ).all()
    return sorted((_job(row) for row in rows), key=lambda job: job.id)


def extend(tx: Transaction, jobs: list[Job]) -> None:
    """Heartbeat: keep the leases of jobs that are still being worked on."""
    held = [job.id for job in jobs]
    tx.execute(update(table).where(table.c.id.in_(held)).values(lease_until=time.time() + LEASE_S))


def release(tx: Transaction, jobs: list[Job]) -> None:
    """Give claims back unfinished; an orderly stop does not count as an attempt."""
    for job in jobs:
        tx.execute(
            update(table)
            .where(table.c.id == job.id, table.c.token == job.token)
            .values(status="queued", lease_until=None, attempts=table.c.attempts - 1)
        )


def is_held(tx: Transaction, job: Job) -> bool:
    """Whether the claim is still good."""
    query = select(table.c.id).where(table.c.id == job.id, table.c.token == job.token)
    return tx.execute(query).first() is not None


def drop(tx: Transaction, document_id: str) -> None:
    """Forget a document's job: it is done, replaced or no longer wanted."""
    tx.execute(delete(table).where(table.c.document_id == document_id))


def requeue_running(tx: Transaction) -> int:
    """At start, before any worker: whoever held these jobs is dead, for the folder was locked."""
    result = tx.execute(
        update(table).where(table.c.status == "running").values(status="queued", lease_until=None)
    )
    return result.rowcount


def waiting(tx: Transaction) -> int:
    """Jobs that are not finished."""
    return tx.execute(select(func.count()).select_from(table)).scalar_one()


def _job(row: Row[Any]) -> Job:
    return Job(row.id, row.document_id, row.version, row.attempts, row.token)
