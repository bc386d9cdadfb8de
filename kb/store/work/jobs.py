"""The queue: work to be done, in the same transactions as what it is about.

A claim is a lease with a fencing token: whoever finishes must still hold the token, so a worker
that was thought dead can never overwrite its successor's result. Ids are never used again: a job
must not look like one that was dropped. An attempt counts when the work begins; what was begun and
not finished comes after all that was not, so each job is blamed for its own crashes only. Whose
turn it is stands in `fair_turns`.

Several processes claim at once where the database can: each passes over the rows that another one
has just locked. Whatever else happens beside others here waits for no lock either, so it can be
part of no deadlock. Times are the database's.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import (
    JSON,
    ColumnElement,
    Float,
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
from kb.store.work.fair_turns import OF_KIND, in_turns
from kb.store.work.fair_turns import Party as Party
from kb.types import ARCHIVE_TYPE

table = schema.jobs
documents = schema.documents
batches = schema.batches

LEASE_S = 120.0

SPARE = 8
"""How many times as many jobs a claim looks at where others have locked the first."""

JobKind = Literal["index", "expand", "tune", "tune_elsewhere", "evaluate"]
"""`index` makes a document searchable, `expand` makes documents of an archive's members; `tune`
trains a model on this machine, `tune_elsewhere` has one trained; `evaluate` asks the questions of a
set."""

KINDS: tuple[JobKind, ...] = ("index", "expand")
"""Those about documents."""


def kind_of(media_type: str) -> JobKind:
    """What is to be done with a file of that type."""
    return "expand" if media_type == ARCHIVE_TYPE else "index"


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
        {
            "subject": subject,
            "payload": {**payload, "queued": time.time()},
            "key_id": payload.get("key") or "",
            **fixed,
        }
        for subject, payload in payloads.items()
    ]
    if rows:
        of_batch = select(batches.c.dataset_id).where(batches.c.id == batch_id).scalar_subquery()
        tx.execute(insert(table).values(dataset_id=func.coalesce(of_batch, "")), rows)
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
    chosen = {"of_kind": kind, "moment": dialect.now(tx)}
    free: Sequence[int] = []
    for most in (limit, limit * SPARE):
        turns = {**chosen, "most": most, "besides": list(besides)}
        waiting = tx.execute(_IN_TURNS[is_begun], turns).scalars().all()
        free = _free(tx, kind, waiting, limit, chosen)
        if len(free) == limit or len(waiting) < most:
            break
    rows = tx.execute(_TAKE, {**chosen, "ids": free, "by": owner})
    found = [Job(*(*row, (key, dataset))) for *row, key, dataset in rows]
    return sorted(found, key=lambda job: (job.attempts, job.id))


def _free(
    tx: Transaction, kind: JobKind, ids: Sequence[int], limit: int, chosen: Mapping[str, Any]
) -> Sequence[int]:
    """Lock so many that no other process has locked, and their documents, which a claim marks."""
    if dialect.writes_alone(tx):
        return ids
    free: list[int] = []
    for part in batched(ids, limit):  # no more is locked than is taken: others claim, too
        if len(free) < limit:
            found = set(tx.execute(_LOCK[kind in KINDS], {**chosen, "ids": part}).scalars())
            free += [job_id for job_id in part if job_id in found]
    return free[:limit]


def is_waiting(tx: Transaction, kind: JobKind) -> bool:
    """Whether there is something to claim."""
    query = select(literal(1)).where(_CLAIMABLE).limit(1)
    return tx.execute(query, {"of_kind": kind, "moment": dialect.now(tx)}).first() is not None


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
        own = _unlocked(tx, tuple_(table.c.id, table.c.token).in_(part))
        kept = update(table).where(dialect.among(table.c.id, own))
        tx.execute(kept.values(lease_until=dialect.now(tx) + LEASE_S))


def release(tx: Transaction, jobs: Collection[Job], *, delay_s: float = 0.0) -> None:
    """Give claims back unfinished, which does not count as an attempt."""
    freed = {"owner": None, "lease_until": None, "run_after": dialect.now(tx) + delay_s}
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
    free = _unlocked(tx, dialect.among(table.c.id, progress)) if progress else ()
    rows = [{"key": job_id, "progress": progress[job_id]} for job_id in free]
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
    left = _unlocked(tx, table.c.owner.is_not(None) & table.c.owner.not_in(living))
    again = update(table).where(dialect.among(table.c.id, left))
    kinds = tx.execute(again.values(owner=None, lease_until=None).returning(table.c.kind))
    notify_after(tx, *kinds.scalars())
    return len(left)


def waiting(tx: Transaction) -> int:
    """Jobs about documents that are not finished."""
    own = table.c.kind.in_(KINDS)
    return tx.execute(select(func.count()).select_from(table).where(own)).scalar_one()


def _unlocked(tx: Transaction, which: ColumnElement[bool]) -> Sequence[int]:
    """The ids of those jobs that nobody else is changing now; the others have their next time."""
    query = select(table.c.id).where(which)
    return tx.execute(query.with_for_update(skip_locked=True)).scalars().all()


def _paused() -> Any:
    return select(schema.batches.c.id).where(schema.batches.c.paused)


def _own(job: Job) -> ColumnElement[bool]:
    return (table.c.id == job.id) & (table.c.token == job.token)


_MOMENT = bindparam("moment", type_=Float)
_CLAIMABLE = (
    (table.c.owner.is_(None) | (table.c.lease_until < _MOMENT))
    & ((table.c.run_after <= _MOMENT) | (table.c.run_after > _MOMENT + LEASE_S))
    & (table.c.kind == OF_KIND)
    & table.c.batch_id.not_in(_paused())
)
"""Nobody holds it, or the lease ran out, its time has come, and its batch is not paused.

A time further off than a lease is of before the clock was set back, and has come.
"""
_IN_TURNS = {
    None: in_turns(_CLAIMABLE),
    True: in_turns(_CLAIMABLE & (table.c.attempts > 0)),
    # Not `== 0`: that is in the order of ids, and Postgres would go by them past all that waits.
    False: in_turns(_CLAIMABLE & (table.c.attempts < 1)),
}
"""By whether it was begun. Statements are made once: that takes longer than running them."""
_IDS = dialect.among(table.c.id, bindparam("ids", type_=JSON))
_PASS_OVER = {"skip_locked": True, "key_share": True}
_FREE = select(table.c.id).where(_IDS, _CLAIMABLE)
_LOCK = {
    False: _FREE.with_for_update(of=table, **_PASS_OVER),
    True: _FREE.join(documents, documents.c.id == table.c.subject).with_for_update(
        of=[table, documents], **_PASS_OVER
    ),
}
"""By whether it is about a document."""
_TAKE = (
    update(table)
    .where(_IDS, _CLAIMABLE)
    .values(owner=bindparam("by"), token=table.c.token + 1, lease_until=_MOMENT + LEASE_S)
    .returning(
        *(table.c[name] for name in Job.__slots__ if name != "party"),
        *(table.c.key_id, table.c.dataset_id),
    )
)
_UNPAUSED = select(table.c.id).where(
    table.c.id == bindparam("job"),
    table.c.token == bindparam("held"),
    table.c.batch_id.not_in(_paused()),
)
