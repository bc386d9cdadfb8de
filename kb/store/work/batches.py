"""Batches: what one upload request brought, and how far it has come.

A batch's document that was deleted or replaced meanwhile counts as removed. Numbers are counted in
SQL and documents are listed in parts, so a batch of ten thousand costs no more to look at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Row, and_, case, delete, func, insert, select, update

from kb.ids import new_id, now
from kb.store.content import outbox
from kb.store.engine import dialect, schema, visibility
from kb.store.engine.database import Transaction
from kb.store.engine.paging import PageRequest, of_datasets, one
from kb.store.engine.schema.columns import of_row
from kb.store.work import throughput
from kb.store.work.placing import NOTES, Mode, UploadedDocument
from kb.types import DocumentStatus, Failure, Scope

table = schema.batches
items = schema.batch_items
documents = schema.documents
jobs = schema.jobs

LISTED = 1000
"""Documents that are listed with a batch unless more or less is asked for."""

DELETED_SINCE = Failure(
    "deleted_since",
    "This file of the archive was left out: its document was deleted after the archive was "
    "uploaded. Upload the file again to have it back.",
)


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One document of a batch, in the version that the batch brought.

    With a `note` the batch's file was left out, and the document is what stood in its place.
    """

    document_id: str
    name: str
    status: DocumentStatus
    error: Failure | None
    note: Failure | None = None


@dataclass(frozen=True, slots=True)
class Throughput:
    """How fast a batch goes at the moment; `eta_s` is None while nothing moves."""

    documents_per_s: float
    bytes_per_s: float
    eta_s: float | None


@dataclass(frozen=True, slots=True)
class Batch:
    """An upload request, its documents by status, and some of the documents.

    `skipped` counts what archives held besides documents: hidden files and the like. `pace` is None
    when there is nothing left to do or it is paused. `next` is the cursor of further documents.
    `waits` says what documents wait for, such as an embedder that does not answer.
    """

    id: str
    dataset_id: str
    created_at: str
    is_paused: bool
    skipped: int
    counts: Mapping[DocumentStatus, int]
    pace: Throughput | None
    documents: tuple[BatchItem, ...] = ()
    next: str | None = None
    waits: Failure | None = None

    def count(self, *statuses: DocumentStatus) -> int:
        """Documents in one of the states."""
        return sum(self.counts.get(status, 0) for status in statuses)

    @property
    def total(self) -> int:
        """All documents."""
        return sum(self.counts.values())

    @property
    def is_completed(self) -> bool:
        """Whether nothing is left to do."""
        return self.count("pending", "indexing") == 0

    @property
    def status(self) -> Literal["running", "paused", "completed"]:
        """Completed is final; a paused batch waits for its resumption."""
        if self.is_completed:
            return "completed"
        return "paused" if self.is_paused else "running"


def create(tx: Transaction, scope: Scope, dataset_id: str, mode: Mode = "replace") -> str:
    """Open a batch and return its id."""
    made = {"id": new_id("batch"), "workspace": scope.workspace, "created_at": now()}
    own = {"dataset_id": dataset_id, "mode": mode, "paused": False, "skipped": 0}
    tx.execute(insert(table).values(**made, **own, key_id=scope.key_id))
    return made["id"]


def add(tx: Transaction, batch_id: str, placed: Sequence[UploadedDocument]) -> None:
    """List files in a batch; of two with one name the later counts."""
    found = {p.document.id: (p.document, NOTES.get(p.outcome)) for p in placed}
    _list(tx, batch_id, [(key, d.version, d.name, note) for key, (d, note) in found.items()])
    new = [p.document for p in placed if p.outcome == "created"]
    outbox.tell_added(tx, batch_id, [document.id for document in new])


def add_deleted(tx: Transaction, batch_id: str, deleted: Mapping[str, str]) -> None:
    """List files, name → id, whose documents were deleted after the batch was acknowledged."""
    _list(tx, batch_id, [(key, 1, name, DELETED_SINCE) for name, key in deleted.items()])


def add_skipped(tx: Transaction, batch_id: str, number: int) -> None:
    """Count what an archive held besides documents."""
    tx.execute(update(table).where(table.c.id == batch_id).values(skipped=table.c.skipped + number))


def remove_item(tx: Transaction, document_id: str) -> None:
    """Take a document out of its batches: an archive gives way to its members."""
    tx.execute(delete(items).where(items.c.document_id == document_id))


def mode_of(tx: Transaction, batch_id: str) -> Mode:
    """What the batch does to documents that exist."""
    mode: Mode = tx.execute(select(table.c.mode).where(table.c.id == batch_id)).scalar_one()
    return mode


def row_of(tx: Transaction, scope: Scope, batch_id: str) -> Row[Any]:
    """The batch's own row. Raises NotFound when it is absent or not visible."""
    return one(tx, of_datasets(scope, table).where(table.c.id == batch_id), "batch", batch_id)


def get(
    tx: Transaction,
    scope: Scope,
    batch_id: str,
    page: PageRequest | None = None,
    *,
    status: DocumentStatus | None = None,
) -> Batch:
    """A batch with the present state of its documents, some of them listed.

    Args:
        page: which documents are listed; the first `LISTED` ones without it.
        status: lists only documents in that state.

    Raises:
        NotFound: it is absent or not visible.
    """
    row = row_of(tx, scope, batch_id)
    counts, pace = _counted(tx, scope, batch_id, row.created_at)
    asked = page or PageRequest(LISTED)
    listed = _listed(tx, scope, batch_id, asked, status) if asked.limit else []
    shown = listed[: asked.limit]
    cursor = shown[-1].document_id if len(listed) > len(shown) else None
    head = (row.id, row.dataset_id, row.created_at, row.paused, row.skipped)
    waits = _waits(tx, scope, batch_id) if counts.get("pending") else None
    return Batch(*head, counts, None if row.paused else pace, tuple(shown), cursor, waits)


def states(tx: Transaction, scope: Scope, batch_id: str) -> dict[str, DocumentStatus]:
    """Document id → status of all documents of a batch, in as little time as possible."""
    query = _items(scope, batch_id).with_only_columns(items.c.document_id, _STATUS)
    return {row.document_id: row.status for row in tx.execute(query)}


def some(tx: Transaction, scope: Scope, batch_id: str, ids: Iterable[str]) -> list[BatchItem]:
    """Some documents of a batch; at most as many as a statement may name."""
    query = _items(scope, batch_id).where(items.c.document_id.in_(list(ids)))
    return [of_row(BatchItem, row) for row in tx.execute(query)]


def remove_of_dataset(tx: Transaction, dataset_id: str) -> None:
    """Delete a dataset's batches."""
    own = select(table.c.id).where(table.c.dataset_id == dataset_id)
    tx.execute(delete(items).where(items.c.batch_id.in_(own)))
    tx.execute(delete(table).where(table.c.dataset_id == dataset_id))


def _list(
    tx: Transaction, batch_id: str, rows: Iterable[tuple[str, int, str, Failure | None]]
) -> None:
    columns = ("document_id", "version", "name", "note")
    listed = [{"batch_id": batch_id, **dict(zip(columns, row, strict=True))} for row in rows]
    dialect.upsert(tx, items, listed, replace=["version", "note"])


def _counted(
    tx: Transaction, scope: Scope, batch_id: str, created_at: str
) -> tuple[dict[DocumentStatus, int], Throughput | None]:
    moment = datetime.now(UTC)
    since = (moment - timedelta(seconds=throughput.WINDOW_S)).isoformat(timespec="milliseconds")
    rows = _rows_by_status(tx, scope, batch_id, since.replace("+00:00", "Z"))
    counts: dict[DocumentStatus, int] = {status: row.number for status, row in rows.items()}
    waiting = [rows[status] for status in ("pending", "indexing") if status in rows]
    if not waiting:
        return counts, None
    age_s = (moment - datetime.fromisoformat(created_at)).total_seconds()
    over_s = min(throughput.WINDOW_S, max(1.0, age_s))
    done = sum(rows[status].recent for status in ("ready", "failed") if status in rows)
    given_up = rows["failed"].recent_size if "failed" in rows else 0
    bytes_per_s = (throughput.recent_bytes(tx, batch_id) + given_up) / over_s
    left = sum(row.left for row in waiting)
    eta_s = left / bytes_per_s if bytes_per_s and left else None
    return counts, Throughput(done / over_s, bytes_per_s, eta_s)


def _rows_by_status(
    tx: Transaction, scope: Scope, batch_id: str, since: str
) -> dict[DocumentStatus, Row[Any]]:
    """Per status: how many documents, what is left to do of them, and what changed of late."""
    is_recent = documents.c.updated_at >= since
    # One that has no job any more waits for the indexes only.
    to_do = case((jobs.c.id.is_(None), 0.0), else_=1.0 - func.coalesce(jobs.c.progress, 0.0))
    query = (
        select(
            documents.c.status,
            func.count().label("number"),
            func.sum(documents.c.size_bytes * to_do).label("left"),
            func.sum(case((is_recent, 1), else_=0)).label("recent"),
            func.sum(case((is_recent, documents.c.size_bytes), else_=0)).label("recent_size"),
        )
        .join_from(items, documents, _same(), isouter=True)
        .join(jobs, jobs.c.subject == documents.c.id, isouter=True)
        .where(*_own(scope, batch_id))
        .group_by(documents.c.status)
    )
    return {row.status or "removed": row for row in tx.execute(query)}


def _listed(
    tx: Transaction, scope: Scope, batch_id: str, page: PageRequest, status: DocumentStatus | None
) -> list[BatchItem]:
    query = _items(scope, batch_id).order_by(items.c.document_id).limit(page.limit + 1)
    if page.cursor is not None:
        query = query.where(items.c.document_id > page.cursor)
    if status is not None:
        query = query.where(status == _STATUS)
    return [of_row(BatchItem, row) for row in tx.execute(query)]


def _waits(tx: Transaction, scope: Scope, batch_id: str) -> Failure | None:
    """Why a document was put back."""
    code = documents.c.error["code"].as_string()
    is_put_back = (documents.c.status == "pending") & code.is_not(None)
    query = _items(scope, batch_id).with_only_columns(documents.c.error).where(is_put_back)
    found: Failure | None = tx.execute(query.limit(1)).scalar()
    return found


def _items(scope: Scope, batch_id: str) -> Any:
    columns = (items.c.document_id, items.c.name, items.c.note)
    return (
        select(*columns, _STATUS, documents.c.error)
        .join_from(items, documents, _same(), isouter=True)
        .where(*_own(scope, batch_id))
    )


def _own(scope: Scope, batch_id: str) -> tuple[Any, ...]:
    return items.c.batch_id == batch_id, visibility.is_no_secret(scope, items.c.document_id)


def _same() -> Any:
    return and_(documents.c.id == items.c.document_id, documents.c.version == items.c.version)


_STATUS = func.coalesce(documents.c.status, "removed").label("status")
