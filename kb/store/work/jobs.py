"""The queue: work to be done, in the same transactions as what it is about.

A claim is a lease with a fencing token: whoever finishes must still hold the token, so a worker
that was thought dead can never overwrite its successor's result. Ids are never used again: a job
must not look like one that was dropped. An attempt counts when the work begins; what was begun and
not finished comes after all that was not, so each job is blamed for its own crashes only. Keys take
turns, and so do the datasets of a key: what one of them queues does not hold up the others.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    delete,
    func,
    insert,
    literal,
    select,
    tuple_,
    update,
)

from kb.iteration import batched
from kb.store.engine import dialect, schema
from kb.store.engine.database import VARIABLES, Transaction, notify_after
from kb.types import ARCHIVE_TYPE

table = schema.jobs
documents = schema.documents

LEASE_S = 120.0

JobKind = Literal["index", "expand", "tune", "tune_elsewhere"]
"""`index` makes a document searchable, `expand` makes documents of an archive's members; `tune`
trains a model on this machine, `tune_elsewhere` has one trained."""

KINDS: tuple[JobKind, ...] = ("index", "expand")
"""Those about documents."""


def kind_of(media_type: str) -> JobKind:
    """What is to be done with a file of that type."""
    return "expand" if media_type == ARCHIVE_TYPE else "index"


Party = tuple[str, str]
"""Who takes turns with others: a key, and one of its datasets."""


@dataclass(frozen=True, slots=True)
class Job:
    """A claim on some work; `attempts` were begun before it, and not finished.

    `subject` is the id of what is worked on, and `payload` what else the work needs to know: the
    `version` of a document, the `key` that it came with, when it was `queued` (seconds since 1970),
    and how many members of an archive are `done`. `party` is whose turn it takes.
    """

    id: int
    kind: JobKind
    subject: str
    payload: Mapping[str, Any]
    batch_id: str
    attempts: int
    token: int
    party: Party = ("", "")

    @property
    def version(self) -> int:
        """Of the document that is worked on."""
        return int(self.payload["version"])


def add(
    tx: Transaction, kind: JobKind, payloads: Mapping[str, Mapping[str, Any]], batch_id: str
) -> None:
    """Queue subject → payload. Drop what is queued for these subjects first."""
    fixed = {"kind": kind, "batch_id": batch_id, "attempts": 0, "token": 0, "run_after": 0.0}
    rows = [
        {"subject": subject, "payload": {**payload, "queued": time.time()}, **fixed}
        for subject, payload in payloads.items()
    ]
    if rows:
        tx.execute(insert(table), rows)
        notify_after(tx, kind)


def claim(
    tx: Transaction,
    owner: str,
    kind: JobKind,
    limit: int = 1,
    *,
    is_begun: bool | None = None,
    besides: Collection[Party] = (),
) -> list[Job]:
    """Take what waits: what was begun least often first, then in fair turns, then the oldest.

    Args:
        owner: the id of the process that takes it.
        is_begun: only what was begun and not finished, or only what was not.
        besides: those who have a turn already; nothing of theirs is taken.
    """
    moment = time.time()
    is_claimable = _is_claimable(kind, moment)
    is_next = is_claimable
    if is_begun is not None:
        is_next &= table.c.attempts > 0 if is_begun else table.c.attempts == 0
    parties = {
        row.id: (row.key, row.dataset) for row in tx.execute(_in_turns(is_next, limit, besides))
    }
    taken = {"owner": owner, "token": table.c.token + 1, "lease_until": moment + LEASE_S}
    columns = [table.c[name] for name in Job.__slots__ if name != "party"]
    own = update(table).where(table.c.id.in_(parties), is_claimable).values(**taken)
    found = [
        replace(Job(*row), party=parties[row.id]) for row in tx.execute(own.returning(*columns))
    ]
    return sorted(found, key=lambda job: (job.attempts, job.id))


def _in_turns(is_next: ColumnElement[bool], limit: int, besides: Collection[Party]) -> Select[Any]:
    """Jobs in the order of their turns: the first of each key, the second of each, …"""
    key = func.coalesce(table.c.payload["key"].as_string(), "").label("key")
    dataset = func.coalesce(documents.c.dataset_id, "").label("dataset")
    oldest = (table.c.attempts, table.c.id)
    turn = func.row_number().over(partition_by=(key, dataset), order_by=oldest).label("turn")
    source = table.join(documents, documents.c.id == table.c.subject, isouter=True)
    columns: list[Any] = [*oldest, key, dataset, turn]
    is_next &= tuple_(key, dataset).not_in(list(besides))
    rows = select(*columns).select_from(source).where(is_next).subquery()
    turn_of_key = (rows.c.turn, rows.c.id)
    of_key = func.row_number().over(partition_by=rows.c.key, order_by=turn_of_key)
    return select(rows).order_by(rows.c.attempts, of_key, rows.c.id).limit(limit)


def is_waiting(tx: Transaction, kind: JobKind) -> bool:
    """Whether there is something to claim."""
    query = select(literal(1)).where(_is_claimable(kind, time.time()))
    return tx.execute(query.limit(1)).first() is not None


def begin(tx: Transaction, jobs: Collection[Job]) -> set[int]:
    """Count an attempt for each; returns the ids of those whose claims are still good."""
    good = held(tx, jobs)
    if good:
        begun = update(table).where(dialect.among(table.c.id, good))
        tx.execute(begun.values(attempts=table.c.attempts + 1))
    return good


def extend(tx: Transaction, jobs: Collection[Job]) -> None:
    """Heartbeat: keep the leases of those jobs whose claims are still good."""
    for part in batched([(job.id, job.token) for job in jobs], VARIABLES // 2):
        own = tuple_(table.c.id, table.c.token).in_(part)
        tx.execute(update(table).where(own).values(lease_until=time.time() + LEASE_S))


def release(tx: Transaction, jobs: Collection[Job], *, delay_s: float = 0.0) -> None:
    """Give claims back unfinished, which does not count as an attempt."""
    freed = {"owner": None, "lease_until": None, "run_after": time.time() + delay_s}
    for job in jobs:
        tx.execute(update(table).where(_own(job)).values(attempts=job.attempts, **freed))
        notify_after(tx, job.kind)


def is_held(tx: Transaction, job: Job) -> bool:
    """Whether the claim is still good."""
    return job.id in held(tx, [job])


def may_go_on(tx: Transaction, job: Job) -> bool:
    """Whether the claim is still good and the batch was not paused meanwhile."""
    return tx.execute(_UNPAUSED, {"job": job.id, "held": job.token}).first() is not None


def held(tx: Transaction, jobs: Collection[Job], *, paused: bool = True) -> set[int]:
    """The ids of those jobs whose claims are still good; also of paused batches, or not."""
    tokens = {job.id: job.token for job in jobs}
    query = select(table.c.id, table.c.token).where(dialect.among(table.c.id, tokens))
    if not paused:
        query = query.where(table.c.batch_id.not_in(_paused()))
    rows = tx.execute(query) if tokens else ()
    return {row.id for row in rows if tokens[row.id] == row.token}


def save(tx: Transaction, job: Job, payload: Mapping[str, Any]) -> None:
    """Note how far the work has come, for who goes on after a crash."""
    tx.execute(update(table).where(_own(job)).values(payload=dict(payload)))


def note_progress(tx: Transaction, progress: Mapping[int, float]) -> None:
    """Job id → how much of it is done, 0 to 1, for who looks on."""
    rows = [{"key": job_id, "progress": value} for job_id, value in progress.items()]
    if rows:
        tx.execute(update(table).where(table.c.id == bindparam("key")), rows)


def finish(tx: Transaction, jobs: Collection[Job]) -> None:
    """Forget jobs that are done; the caller has checked in this transaction that it holds them."""
    tx.execute(delete(table).where(dialect.among(table.c.id, [job.id for job in jobs])))


def drop(tx: Transaction, *subjects: str) -> None:
    """Forget the jobs of some subjects: replaced or no longer wanted."""
    tx.execute(delete(table).where(dialect.among(table.c.subject, subjects)))


def requeue_left(tx: Transaction, living: Collection[str]) -> int:
    """Queue again what processes had in hand that are not alive; returns how much."""
    left = table.c.owner.is_not(None) & table.c.owner.not_in(living)
    return tx.execute(update(table).where(left).values(owner=None, lease_until=None)).rowcount


def waiting(tx: Transaction) -> int:
    """Jobs about documents that are not finished."""
    own = table.c.kind.in_(KINDS)
    return tx.execute(select(func.count()).select_from(table).where(own)).scalar_one()


def _is_claimable(kind: JobKind, moment: float) -> ColumnElement[bool]:
    """Nobody holds it, or the lease ran out, its time has come, and its batch is not paused.

    A time further off than a lease is of before the clock was set back, and has come.
    """
    is_free = table.c.owner.is_(None) | (table.c.lease_until < moment)
    is_due = (table.c.run_after <= moment) | (table.c.run_after > moment + LEASE_S)
    return is_free & is_due & (table.c.kind == kind) & table.c.batch_id.not_in(_paused())


def _paused() -> Any:
    return select(schema.batches.c.id).where(schema.batches.c.paused)


_UNPAUSED = select(table.c.id).where(
    table.c.id == bindparam("job"),
    table.c.token == bindparam("held"),
    table.c.batch_id.not_in(_paused()),
)


def _own(job: Job) -> ColumnElement[bool]:
    return (table.c.id == job.id) & (table.c.token == job.token)
