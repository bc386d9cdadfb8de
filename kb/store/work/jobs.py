"""Work to be done on documents, in the same transactions as the documents themselves.

A claim is a lease with a fencing token: whoever finishes must still hold the token, so a worker
that was thought dead can never overwrite its successor's result. Ids are never used again: the job
of a replaced document must not look like its successor's. An attempt counts when a
claim begins; those that were begun when the process died are tried again alone, so that each is
blamed for its own crashes only.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row, Select, bindparam, delete, func, insert, select, update

from kb.iteration import batched
from kb.store.engine import schema
from kb.store.engine.database import VARIABLES, Transaction
from kb.types import ARCHIVE_TYPE

table = schema.jobs

LEASE_S = 120.0

JobKind = Literal["index", "expand"]
"""`index` makes a document searchable, `expand` makes documents of an archive's members."""


def kind_of(media_type: str) -> JobKind:
    """What is to be done with a file of that type."""
    return "expand" if media_type == ARCHIVE_TYPE else "index"


@dataclass(frozen=True, slots=True)
class Job:
    """One document version to index; `attempts` were begun before this claim, and not finished."""

    id: int
    document_id: str
    version: int
    attempts: int
    token: int
    batch_id: str
    kind: JobKind
    done: int


def add(tx: Transaction, versions: Mapping[str, int], batch_id: str, kind: JobKind) -> None:
    """Queue document id → version. Drop what is queued for these documents first."""
    new = {"batch_id": batch_id, "kind": kind, "status": "queued"}
    counts = {"done": 0, "attempts": 0, "token": 0}
    rows = [
        {"document_id": document_id, "version": version, **new, **counts}
        for document_id, version in versions.items()
    ]
    if rows:
        tx.execute(insert(table), rows)


def claim(tx: Transaction, limit: int) -> list[Job]:
    """Take the oldest waiting documents that were never begun."""
    fresh = _claimable("index").where(table.c.attempts == 0)
    return _claim(tx, fresh.order_by(table.c.id).limit(limit))


def archives_waiting(tx: Transaction) -> bool:
    """Whether an archive waits to be expanded."""
    return tx.execute(_claimable("expand").limit(1)).first() is not None


def claim_archive(tx: Transaction) -> list[Job]:
    """Take the oldest archive that waits to be expanded."""
    return _claim(tx, _claimable("expand").order_by(table.c.attempts, table.c.id).limit(1))


def claim_interrupted(tx: Transaction) -> list[Job]:
    """Take one job that was begun and never finished: it may have stopped the process, so it is
    worked on alone, and those that were begun least often come first."""
    oldest = _claimable("index").where(table.c.attempts > 0).order_by(table.c.attempts, table.c.id)
    return _claim(tx, oldest.limit(1))


def begin(tx: Transaction, job: Job) -> bool:
    """Count an attempt; False if the claim is no longer good."""
    held = update(table).where(table.c.id == job.id, table.c.token == job.token)
    return tx.execute(held.values(attempts=job.attempts + 1)).rowcount == 1


def begin_all(tx: Transaction, jobs: Collection[Job]) -> set[int]:
    """Count an attempt for each; returns the ids of those whose claims are still good."""
    good = held(tx, jobs)
    for part in batched(good, VARIABLES):
        begun = update(table).where(table.c.id.in_(part))
        tx.execute(begun.values(attempts=table.c.attempts + 1))
    return good


def _claimable(kind: JobKind) -> Select[Any]:
    """Jobs that nobody holds, or whose lease ran out, of batches that are not paused."""
    free = (table.c.status == "queued") | (table.c.lease_until < time.time())
    return select(table.c.id).where(free, table.c.kind == kind, table.c.batch_id.not_in(_paused()))


def _paused() -> Select[Any]:
    return select(schema.batches.c.id).where(schema.batches.c.paused)


def _claim(tx: Transaction, chosen: Select[Any]) -> list[Job]:
    rows = tx.execute(
        update(table)
        .where(table.c.id.in_(chosen))
        .values(
            status="running",
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
            .values(status="queued", lease_until=None, attempts=job.attempts)
        )


def is_held(tx: Transaction, job: Job) -> bool:
    """Whether the claim is still good."""
    query = select(table.c.id).where(table.c.id == job.id, table.c.token == job.token)
    return tx.execute(query).first() is not None


def may_go_on(tx: Transaction, job: Job) -> bool:
    """Whether the claim is still good and the batch was not paused meanwhile."""
    own = select(table.c.id).where(table.c.id == job.id, table.c.token == job.token)
    return tx.execute(own.where(table.c.batch_id.not_in(_paused()))).first() is not None


def held(tx: Transaction, jobs: Collection[Job]) -> set[int]:
    """The ids of those jobs whose claims are still good."""
    tokens = {job.id: job.token for job in jobs}
    found: set[int] = set()
    for part in batched(tokens, VARIABLES):
        query = select(table.c.id, table.c.token).where(table.c.id.in_(part))
        found.update(row.id for row in tx.execute(query) if tokens[row.id] == row.token)
    return found


def advance(tx: Transaction, job: Job, number: int) -> None:
    """Note that so many more members of an archive are documents now."""
    tx.execute(update(table).where(table.c.id == job.id).values(done=table.c.done + number))


def note_progress(tx: Transaction, progress: Mapping[int, float]) -> None:
    """Job id → how much of its document has vectors, 0 to 1."""
    rows = [{"key": job_id, "progress": value} for job_id, value in progress.items()]
    if rows:
        tx.execute(update(table).where(table.c.id == bindparam("key")), rows)


def finish(tx: Transaction, jobs: Sequence[Job]) -> None:
    """Forget jobs that are done."""
    for part in batched(jobs, VARIABLES):
        tx.execute(delete(table).where(table.c.id.in_([job.id for job in part])))


def drop(tx: Transaction, *document_ids: str) -> None:
    """Forget the jobs of documents: done, replaced or no longer wanted."""
    for part in batched(document_ids, VARIABLES):
        tx.execute(delete(table).where(table.c.document_id.in_(part)))


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
    return Job(
        row.id,
        row.document_id,
        row.version,
        row.attempts,
        row.token,
        row.batch_id,
        row.kind,
        row.done,
    )
