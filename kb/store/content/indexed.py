"""What indexing made of some documents, stored together.

Ten thousand small documents would cost ten thousand times every statement otherwise. Call it in the
transaction that has checked the claims.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from kb.ids import now
from kb.iteration import batched
from kb.store.content import chunks, embeddings, pages, removal
from kb.store.engine import schema
from kb.store.engine.database import VARIABLES, Transaction, notify_after
from kb.types import Block, Chunk, Page


@dataclass(frozen=True, slots=True)
class IndexedVersion:
    """One document version that is read, split and embedded. `receipt` accounts for it."""

    document_id: str
    version: int
    dataset_id: str
    generation: int
    pages: tuple[Page, ...]
    chunks: tuple[Chunk, ...]
    receipt: Mapping[str, Any]
    layout: tuple[Block, ...] = ()


def put(tx: Transaction, versions: Sequence[IndexedVersion]) -> None:
    """Store pages, chunks and receipts, in place of any that were there, and queue the indexes."""
    before = _removed(tx, versions)
    _insert(tx, schema.pages, [row for item in versions for row in _page_rows(item)])
    pages.put_layouts(tx, {(item.document_id, item.version): item.layout for item in versions})
    _insert(tx, schema.chunks, [row for item in versions for row in _chunk_rows(tx, item)])
    embeddings.collect_unused(tx, before)  # last, so that what both share is kept
    if versions:
        documents = schema.documents
        receipts = [_receipt_row(item) for item in versions]
        tx.execute(update(documents).where(documents.c.id == bindparam("key")), receipts)
    _insert(tx, schema.index_ops, [_op_row(item) for item in versions])
    notify_after(tx, "apply")


def _removed(tx: Transaction, versions: Sequence[IndexedVersion]) -> list[bytes]:
    """Remove what an attempt before this one has stored; returns the hashes of its texts."""
    wanted = {(item.document_id, item.version): item.generation for item in versions}
    text, table = schema.pages, schema.chunks
    hashes: list[bytes] = []
    for part in batched([item.document_id for item in versions], VARIABLES):
        stored = select(table.c.document_id, table.c.version, table.c.generation).distinct()
        for row in tx.execute(stored.where(table.c.document_id.in_(part))).all():
            if wanted.get((row.document_id, row.version)) == row.generation:
                hashes += removal.remove_rows(tx, row.document_id, row.version, row.generation)
        written = select(text.c.document_id, text.c.version).distinct()
        for document_id, version in tx.execute(written.where(text.c.document_id.in_(part))).all():
            if (document_id, version) in wanted:
                old = {"document_id": document_id, "version": version}
                tx.execute(delete(text).filter_by(**old))
    return hashes


def _insert(tx: Transaction, table: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        tx.execute(insert(table), rows)


def _page_rows(item: IndexedVersion) -> list[dict[str, Any]]:
    key = {"document_id": item.document_id, "version": item.version}
    return [{**key, "number": page.number, "text": page.text} for page in item.pages]


def _chunk_rows(tx: Transaction, item: IndexedVersion) -> list[dict[str, Any]]:
    return chunks.rows_of(tx, item.document_id, item.version, item.generation, item.chunks)


def _receipt_row(item: IndexedVersion) -> dict[str, Any]:
    return {
        "key": item.document_id,
        "receipt": dict(item.receipt),
        "chunk_count": len(item.chunks),
        "updated_at": now(),
    }


def _op_row(item: IndexedVersion) -> dict[str, Any]:
    return {
        "kind": "add",
        "dataset_id": item.dataset_id,
        "generation": item.generation,
        "document_id": item.document_id,
        "version": item.version,
        "chunk_count": len(item.chunks),
    }
