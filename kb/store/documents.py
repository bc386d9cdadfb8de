"""Documents: one row per name in a dataset, whose pointer says which version answers questions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Row, Select, distinct, func, insert, select, update

from kb.errors import Conflict, NotFound
from kb.ids import new_id, now
from kb.store import datasets, jobs, schema
from kb.store.database import Transaction
from kb.store.paging import Listing, PageRequest, listing
from kb.store.records import failure_from, failure_to
from kb.types import Document, DocumentStatus, Failure, Scope

table = schema.documents

Mode = Literal["skip", "replace", "version"]


@dataclass(frozen=True, slots=True)
class Placed:
    """Where an upload ended up; `replaced` is the hash of the original it took over from."""

    document: Document
    replaced: str | None


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that is on disk and wants to be a document."""

    name: str
    media_type: str
    sha256: str
    size_bytes: int
    encoding: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


def visible(scope: Scope) -> Select[Any]:
    """The documents that a scope may see."""
    query = select(table).where(table.c.workspace == scope.workspace)
    return query if scope.datasets is None else query.where(table.c.dataset_id.in_(scope.datasets))


def put(
    tx: Transaction, scope: Scope, dataset_id: str, upload: Upload, *, mode: Mode, batch_id: str
) -> Placed:
    """Add a file under its name and queue it.

    Same name and same bytes change nothing; same name and other bytes make the next version
    (with `mode="skip"` they are ignored too). The old version answers until the new one is ready.
    """
    datasets.get(tx, scope, dataset_id)
    query = visible(scope).where(table.c.dataset_id == dataset_id, table.c.name == upload.name)
    row = tx.execute(query).one_or_none()
    replaced = None
    if row is None:
        document_id = _insert(tx, scope, dataset_id, upload, batch_id)
    else:
        document_id = row.id
        same = row.sha256 == upload.sha256 and row.encoding == upload.encoding
        if mode != "skip" and not (same and row.status != "failed"):
            replaced = row.sha256
            _renew(tx, document_id, row.version + 1, upload, batch_id)
    document = get(tx, scope, document_id)
    if document.status == "pending" and document.batch_id == batch_id:
        jobs.add(tx, document_id, document.version)
    return Placed(document, replaced)


def get(tx: Transaction, scope: Scope, document_id: str) -> Document:
    """One document. Raises NotFound when it is absent or not visible."""
    row = tx.execute(visible(scope).where(table.c.id == document_id)).one_or_none()
    if row is None:
        raise NotFound("document", document_id)
    return _document(row)


def encoding_override(tx: Transaction, document_id: str) -> str | None:
    """The encoding that the uploader insisted on."""
    query = select(table.c.encoding).where(table.c.id == document_id)
    encoding: str | None = tx.execute(query).scalar_one()
    return encoding


def page(
    tx: Transaction,
    scope: Scope,
    dataset_id: str,
    request: PageRequest,
    *,
    status: str | None = None,
    q: str | None = None,
) -> Listing[Document]:
    """A part of a dataset's documents, by status and by a piece of the name."""
    datasets.get(tx, scope, dataset_id)
    query = visible(scope).where(table.c.dataset_id == dataset_id)
    if status is not None:
        query = query.where(table.c.status == status)
    if q:
        query = query.where(table.c.name.icontains(q, autoescape=True))
    return listing(tx, query, table.c.id, request, _document)


def counts(tx: Transaction, dataset_id: str) -> dict[str, int]:
    """Status → number of documents of a dataset."""
    query = select(table.c.status, func.count()).where(table.c.dataset_id == dataset_id)
    return {row[0]: row[1] for row in tx.execute(query.group_by(table.c.status))}


def count(tx: Transaction) -> int:
    """All documents of all datasets."""
    return tx.execute(select(func.count()).select_from(table)).scalar_one()


def set_status(
    tx: Transaction, document_id: str, status: DocumentStatus, error: Failure | None = None
) -> None:
    """Move a document on."""
    tx.execute(
        update(table)
        .where(table.c.id == document_id)
        .values(status=status, error=failure_to(error), updated_at=now())
    )


def set_receipt(
    tx: Transaction, document_id: str, receipt: Mapping[str, Any], chunk_count: int
) -> None:
    """Store what became of every character."""
    tx.execute(
        update(table)
        .where(table.c.id == document_id)
        .values(receipt=dict(receipt), chunk_count=chunk_count, updated_at=now())
    )


def retry(tx: Transaction, scope: Scope, document_id: str) -> Document:
    """Queue a failed document again.

    Raises:
        Conflict: it has not failed.
    """
    document = get(tx, scope, document_id)
    if document.status != "failed":
        raise Conflict(
            f"Document {document.name!r} is {document.status}; only a failed one retries."
        )
    set_status(tx, document_id, "pending")
    jobs.add(tx, document_id, document.version)
    return get(tx, scope, document_id)


def needs_original(tx: Transaction, sha256: str) -> bool:
    """Whether any document still rests on these bytes."""
    return (
        tx.execute(select(table.c.id).where(table.c.sha256 == sha256).limit(1)).first() is not None
    )


def original_hashes(tx: Transaction) -> set[str]:
    """The hashes of all originals that must exist."""
    return set(tx.execute(select(distinct(table.c.sha256))).scalars())


def _insert(tx: Transaction, scope: Scope, dataset_id: str, upload: Upload, batch_id: str) -> str:
    document_id, moment = new_id("doc"), now()
    tx.execute(
        insert(table).values(
            id=document_id,
            workspace=scope.workspace,
            dataset_id=dataset_id,
            name=upload.name,
            version=1,
            media_type=upload.media_type,
            sha256=upload.sha256,
            size_bytes=upload.size_bytes,
            metadata=dict(upload.metadata),
            encoding=upload.encoding,
            status="pending",
            chunk_count=0,
            batch_id=batch_id,
            created_at=moment,
            updated_at=moment,
        )
    )
    return document_id


def _renew(tx: Transaction, document_id: str, version: int, upload: Upload, batch_id: str) -> None:
    tx.execute(
        update(table)
        .where(table.c.id == document_id)
        .values(
            version=version,
            media_type=upload.media_type,
            sha256=upload.sha256,
            size_bytes=upload.size_bytes,
            metadata=dict(upload.metadata),
            encoding=upload.encoding,
            status="pending",
            error=None,
            batch_id=batch_id,
            updated_at=now(),
        )
    )


def _document(row: Row[Any]) -> Document:
    return Document(
        id=row.id,
        dataset_id=row.dataset_id,
        name=row.name,
        version=row.version,
        live_version=row.live_version,
        media_type=row.media_type,
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        metadata=row.metadata,
        status=row.status,
        error=failure_from(row.error),
        chunk_count=row.chunk_count,
        receipt=row.receipt,
        batch_id=row.batch_id,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
