"""Batches: what one upload request brought, and how far it has come.

A batch's document that was deleted or replaced meanwhile counts as removed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, and_, delete, insert, select

from kb.errors import NotFound
from kb.ids import new_id, now
from kb.store import schema
from kb.store.database import Transaction
from kb.store.records import failure_from
from kb.types import Document, DocumentStatus, Failure, Scope

table = schema.batches
items = schema.batch_items


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One document of a batch, in the version that the batch brought."""

    document_id: str
    name: str
    status: DocumentStatus
    error: Failure | None


@dataclass(frozen=True, slots=True)
class Batch:
    """An upload request and its documents."""

    id: str
    dataset_id: str
    created_at: str
    documents: tuple[BatchItem, ...]

    def count(self, *statuses: DocumentStatus) -> int:
        """Documents in one of the states."""
        return sum(item.status in statuses for item in self.documents)

    @property
    def is_completed(self) -> bool:
        """Whether nothing is left to do."""
        return self.count("pending", "indexing") == 0


def create(tx: Transaction, scope: Scope, dataset_id: str) -> str:
    """Open a batch and return its id."""
    batch_id = new_id("batch")
    tx.execute(
        insert(table).values(
            id=batch_id, workspace=scope.workspace, dataset_id=dataset_id, created_at=now()
        )
    )
    return batch_id


def add(tx: Transaction, batch_id: str, placed: Iterable[Document]) -> None:
    """List documents in a batch; of two with one name the later counts."""
    by_id = {document.id: document for document in placed}
    rows = [
        {"batch_id": batch_id, "document_id": key, "version": doc.version, "name": doc.name}
        for key, doc in by_id.items()
    ]
    if rows:
        tx.execute(insert(items), rows)


def get(tx: Transaction, scope: Scope, batch_id: str) -> Batch:
    """A batch with the present state of its documents. Raises NotFound."""
    query = select(table).where(table.c.id == batch_id, table.c.workspace == scope.workspace)
    if scope.datasets is not None:
        query = query.where(table.c.dataset_id.in_(scope.datasets))
    row = tx.execute(query).one_or_none()
    if row is None:
        raise NotFound("batch", batch_id)
    found = tuple(_item(item) for item in tx.execute(_items_query(batch_id)))
    return Batch(row.id, row.dataset_id, row.created_at, found)


def remove_of_dataset(tx: Transaction, dataset_id: str) -> None:
    """Delete a dataset's batches."""
    own = select(table.c.id).where(table.c.dataset_id == dataset_id)
    tx.execute(delete(items).where(items.c.batch_id.in_(own)))
    tx.execute(delete(table).where(table.c.dataset_id == dataset_id))


def _items_query(batch_id: str) -> Any:
    documents = schema.documents
    same = and_(documents.c.id == items.c.document_id, documents.c.version == items.c.version)
    return (
        select(items.c.document_id, items.c.name, documents.c.status, documents.c.error)
        .join_from(items, documents, same, isouter=True)
        .where(items.c.batch_id == batch_id)
        .order_by(items.c.document_id)
    )


def _item(row: Row[Any]) -> BatchItem:
    return BatchItem(row.document_id, row.name, row.status or "removed", failure_from(row.error))
