"""Training jobs and what happened in them. A job ends once: what has ended changes no more."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import delete, insert, select, update

from kb.errors import Conflict
from kb.ids import now
from kb.store.engine import dialect, schema
from kb.store.engine.database import Transaction, notify_after
from kb.store.engine.paging import MAX_LIMIT, Listing, PageRequest, listing, one
from kb.store.engine.schema.columns import of_row, to_row
from kb.types import EventKind, EventLevel, Scope, TuningEvent, TuningJob, TuningStatus

table = schema.tuning_jobs
events = schema.tuning_events

ENDED: frozenset[TuningStatus] = frozenset({"succeeded", "failed", "cancelled"})
"""What a job does not leave again."""
WAITING: frozenset[TuningStatus] = frozenset({"validating_files", "queued", "running"})
"""What is worked on, or will be."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event that has no number yet; without a time it is of now."""

    message: str
    data: Mapping[str, Any] = field(default_factory=dict)
    level: EventLevel = "info"
    kind: EventKind = "message"
    created_at: str = ""


def add(tx: Transaction, scope: Scope, job: TuningJob) -> None:
    """Store a new job."""
    tx.execute(insert(table).values(workspace=scope.workspace, **to_row(job)))


def get(tx: Transaction, scope: Scope, job_id: str) -> TuningJob:
    """One job. Raises NotFound."""
    own = select(table).where(table.c.workspace == scope.workspace, table.c.id == job_id)
    return of_row(TuningJob, one(tx, own, "training job", job_id))


def find(tx: Transaction, job_id: str) -> TuningJob | None:
    """One job of any workspace, if it is there still."""
    row = tx.execute(select(table).where(table.c.id == job_id)).one_or_none()
    return None if row is None else of_row(TuningJob, row)


def page(tx: Transaction, scope: Scope, request: PageRequest) -> Listing[TuningJob]:
    """A part of the jobs, newest first."""
    own = select(table).where(table.c.workspace == scope.workspace)
    return listing(tx, own, table.c.id, request, partial(of_row, TuningJob), newest_first=True)


def oldest(tx: Transaction, status: TuningStatus) -> TuningJob | None:
    """The oldest job of a status, of any workspace."""
    own = select(table).where(table.c.status == status).order_by(table.c.id).limit(1)
    row = tx.execute(own).one_or_none()
    return None if row is None else of_row(TuningJob, row)


def move(
    tx: Transaction,
    job_id: str,
    status: TuningStatus,
    of: Collection[TuningStatus] = WAITING,
    **values: Any,
) -> bool:
    """Change the status, and other columns with it, where it is one of some; returns whether."""
    times = {"finished_at": now()} if status in ENDED else {}
    own = update(table).where(table.c.id == job_id, table.c.status.in_(of))
    is_moved = tx.execute(own.values(status=status, **times, **values)).rowcount > 0
    if is_moved:
        notify_after(tx, job_id)
    return is_moved


def change(tx: Transaction, job_id: str, **values: Any) -> None:
    """Note what has turned out about a job."""
    tx.execute(update(table).where(table.c.id == job_id).values(**values))


def remove(tx: Transaction, scope: Scope, job_id: str) -> None:
    """Forget a job that has ended, with its events and its model.

    Raises:
        NotFound: there is none.
        Conflict: it has not ended, or a later model continues its model.
    """
    job, models = get(tx, scope, job_id), schema.tuned_models
    if job.status not in ENDED:
        raise Conflict(f"The job is {job.status}. Cancel it first.")
    later = select(models.c.name).where(models.c.parent == job.fine_tuned_model)
    if job.fine_tuned_model and (name := tx.execute(later.limit(1)).scalar()):
        raise Conflict(f"The model {name!r} continues that of this job. Delete its job first.")
    tx.execute(delete(models).where(models.c.job_id == job_id))
    tx.execute(delete(events).where(events.c.job_id == job_id))
    tx.execute(delete(table).where(table.c.id == job_id))


def append(tx: Transaction, job_id: str, happened: Sequence[NewEvent]) -> None:
    """Add events behind those that are there."""
    first = dialect.next_number(tx, events.c.seq, events.c.job_id == job_id)
    moment = now()
    rows = [
        {**asdict(each), "job_id": job_id, "seq": seq, "created_at": each.created_at or moment}
        for seq, each in enumerate(happened, start=first)
    ]
    if rows:
        tx.execute(insert(events), rows)


def events_of(
    tx: Transaction, job_id: str, request: PageRequest, *, newest_first: bool = False
) -> Listing[TuningEvent]:
    """A part of what happened in a job; the cursor is a `seq`."""
    own = select(events).where(events.c.job_id == job_id)
    make = partial(of_row, TuningEvent)
    return listing(tx, own, events.c.seq, request, make, newest_first=newest_first)


def all_events(tx: Transaction, job_id: str, kind: EventKind) -> list[TuningEvent]:
    """Every event of a kind, in order."""
    own = select(events).where(events.c.job_id == job_id, events.c.kind == kind)
    return [of_row(TuningEvent, row) for row in tx.execute(own.order_by(events.c.seq))]


def since(
    tx: Transaction, scope: Scope, job_id: str, seq: int
) -> tuple[TuningJob, tuple[TuningEvent, ...]]:
    """A job and what happened in it behind an event, at most 500. Raises NotFound."""
    job = get(tx, scope, job_id)
    return job, events_of(tx, job_id, PageRequest(MAX_LIMIT, str(seq))).data


def set_of_file(tx: Transaction, file_id: str) -> str | None:
    """The version of a training set that a file is, as `name@2`; None for any other file."""
    sets, versions = schema.training_sets, schema.training_set_versions
    query = select(sets.c.name, versions.c.number).join(versions, versions.c.set_id == sets.c.id)
    row = tx.execute(query.where(versions.c.file_id == file_id).limit(1)).one_or_none()
    return None if row is None else f"{row.name}@{row.number}"
