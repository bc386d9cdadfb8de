"""What indexing makes of document versions: stored together, made live, and removed.

Ten thousand small documents would cost ten thousand times every statement otherwise. Rows go in one
transaction, index rows by the operations that it queues. Passages live and die with their chunks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, bindparam, delete, func, insert, select, update

from kb.ids import now
from kb.store.content import documents, embeddings, index_ops, pages
from kb.store.content.chunks import with_passage
from kb.store.content.embeddings import text_hash
from kb.store.engine import dialect, schema
from kb.store.engine.database import Transaction, notify_after
from kb.store.engine.schema.columns import to_row
from kb.types import Block, Chunk, Page, Span

table = schema.documents
chunks = schema.chunks
passages = schema.passages


_SHOWN = with_passage(
    select(
        chunks.c.id,
        chunks.c.document_id,
        chunks.c.version,
        chunks.c.generation,
        chunks.c.spans,
        passages.c.spans.label("passage"),
        func.coalesce(passages.c.text, chunks.c.text).label("shown"),
    ).select_from(chunks)
)
"""What a hit of each chunk shows: its passage, or its own text."""

_OFF = (
    _SHOWN.join(table, chunks.c.document_id == table.c.id)
    .join(schema.datasets, table.c.dataset_id == schema.datasets.c.id)
    .where(~chunks.c.enabled, chunks.c.version == table.c.live_version)
    .where(chunks.c.generation == schema.datasets.c.generation)
)


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
    """Store pages, chunks and receipts, in place of any that were there, and queue the indexes.

    Call it in the transaction that has checked the claims.
    """
    if not versions:
        return
    before = _remove_attempts(tx, versions)
    _insert(tx, schema.pages, [row for item in versions for row in _page_rows(item)])
    pages.put_layouts(tx, {(item.document_id, item.version): item.layout for item in versions})
    _insert(tx, chunks, [row for item in versions for row in _chunk_rows(tx, item)])
    embeddings.collect_unused(tx, before)  # last, so that what both share is kept
    receipts = [_receipt_row(item) for item in versions]
    tx.execute(update(table).where(table.c.id == bindparam("key")), receipts)
    _insert(tx, schema.index_ops, [_op_row(item) for item in versions])
    notify_after(tx, "apply")


def put_chunks(
    tx: Transaction, document_id: str, version: int, generation: int, parts: Sequence[Chunk]
) -> None:
    """Store the chunks of a document version, in place of any that were there."""
    before = _remove_rows(tx, document_id, version, generation)
    _insert(tx, chunks, _rows_of(tx, document_id, version, generation, parts))
    embeddings.collect_unused(tx, before)  # last, so that what both share is kept


def make_all_live(tx: Transaction, indexed: Mapping[str, int]) -> None:
    """Both indexes have these versions, by document id: they answer from now on."""
    columns = (table.c.id, table.c.dataset_id, table.c.version, table.c.live_version)
    query = select(*columns).where(dialect.among(table.c.id, indexed))
    rows = [row for row in tx.execute(query) if (row.live_version or 0) <= indexed[row.id]]
    newest = [row.id for row in rows if row.version == indexed[row.id]]
    if replacing := [row.id for row in rows if row.live_version]:
        carry_switches(tx, dialect.among(table.c.id, replacing), versions=indexed)
    live = [{"key": row.id, "live_version": indexed[row.id]} for row in rows]
    if live:
        tx.execute(update(table).where(table.c.id == bindparam("key")), live)
    documents.set_statuses(tx, newest, "ready")
    for row in rows:
        if indexed[row.id] > 1:
            forget_versions(tx, row.dataset_id, row.id, older_than=indexed[row.id])


def carry_switches(
    tx: Transaction,
    own: ColumnElement[bool],
    *,
    versions: Mapping[str, int] | None = None,
    generation: int | None = None,
) -> None:
    """Switch off, in what is to answer, the passages that are off in what answers until now.

    Of the same version, those whose characters all lie within what is off; of another one, those of
    the same text.

    Args:
        own: which documents.
        versions: document id → version that is to answer; without it the same.
        generation: that is to answer; without it the same.
    """
    answering: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in tx.execute(_OFF.where(own)):
        answering[row.document_id].append(row)
    for document_id, off in answering.items():
        version = (versions or {}).get(document_id, off[0].version)
        coming = _SHOWN.where(
            chunks.c.document_id == document_id,
            chunks.c.version == version,
            chunks.c.generation == (generation or off[0].generation),
        )
        texts = {row.shown.strip() for row in off}
        hidden = {place for row in off for place in _places(row)}
        is_same = version == off[0].version
        gone = [
            row.id
            for row in tx.execute(coming)
            if (_lies_within(row, hidden) if is_same else row.shown.strip() in texts)
        ]
        tx.execute(update(chunks).where(dialect.among(chunks.c.id, gone)).values(enabled=False))


def _places(row: Row[Any]) -> list[tuple[int, int]]:
    return [(s.page, at) for s in row.passage or row.spans for at in range(s.start, s.end)]


def _lies_within(row: Row[Any], hidden: Container[tuple[int, int]]) -> bool:
    shown = zip(_places(row), row.shown, strict=False)
    return all(place in hidden for place, character in shown if not character.isspace())


def remove_chunks(tx: Transaction, document_id: str, version: int, generation: int) -> None:
    """Delete the chunk rows of a version, with vectors that nothing else needs."""
    embeddings.collect_unused(tx, _remove_rows(tx, document_id, version, generation))


def drop_vectors(tx: Transaction, embedder: str) -> None:
    """Delete the vectors of an embedder that no generation with that embedder needs."""
    vectors, generations = schema.embeddings, schema.generations
    needed = (
        select(chunks.c.id)
        .join(table, chunks.c.document_id == table.c.id)
        .join(
            generations,
            (generations.c.dataset_id == table.c.dataset_id)
            & (generations.c.number == chunks.c.generation),
        )
        .where(chunks.c.text_hash == vectors.c.text_hash)
        .where(generations.c.embedder == embedder, generations.c.removed_at.is_(None))
    )
    tx.execute(delete(vectors).where(vectors.c.embedder == embedder, ~needed.exists()))


def forget_versions(
    tx: Transaction, dataset_id: str, document_id: str, *, older_than: int | None
) -> None:
    """Delete what was made of a document's older versions, or of all; the indexes follow."""
    stored = (
        select(chunks.c.version, chunks.c.generation, func.count().label("number"))
        .where(chunks.c.document_id == document_id)
        .group_by(chunks.c.version, chunks.c.generation)
    )
    for version, generation, number in tx.execute(stored).all():
        if older_than is None or version < older_than:
            gone = {"document_id": document_id, "version": version, "chunk_count": number}
            index_ops.add(tx, "remove", dataset_id, generation, **gone)
            remove_chunks(tx, document_id, version, generation)
    for kept in (schema.pages, schema.layouts, schema.generation_documents):
        old = delete(kept).where(kept.c.document_id == document_id)
        tx.execute(old if older_than is None else old.where(kept.c.version < older_than))


def _remove_attempts(tx: Transaction, versions: Sequence[IndexedVersion]) -> list[bytes]:
    """Remove what an attempt before this one has stored; returns the hashes of its texts."""
    wanted = {(item.document_id, item.version): item.generation for item in versions}
    own = [{"document": document_id, "of": version} for document_id, version in wanted]
    text = schema.pages.c
    is_own = (text.document_id == bindparam("document"), text.version == bindparam("of"))
    tx.execute(delete(schema.pages).where(*is_own), own)
    hashes: list[bytes] = []
    stored = select(chunks.c.document_id, chunks.c.version, chunks.c.generation).distinct()
    is_theirs = dialect.among(chunks.c.document_id, [item.document_id for item in versions])
    for row in tx.execute(stored.where(is_theirs)).all():
        if wanted.get((row.document_id, row.version)) == row.generation:
            hashes += _remove_rows(tx, row.document_id, row.version, row.generation)
    return hashes


def _remove_rows(tx: Transaction, document_id: str, version: int, generation: int) -> list[bytes]:
    """Delete the chunk rows of a version only; returns the hashes of their texts."""
    own = {"document_id": document_id, "version": version, "generation": generation}
    hashes = list(tx.execute(select(chunks.c.text_hash).filter_by(**own)).scalars())
    for kept in (chunks, passages) if hashes else ():
        tx.execute(delete(kept).filter_by(**own))
    return hashes


def _insert(tx: Transaction, kept: Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        tx.execute(insert(kept), rows)


def _page_rows(item: IndexedVersion) -> list[dict[str, Any]]:
    key = {"document_id": item.document_id, "version": item.version}
    return [{**key, "number": page.number, "text": page.text} for page in item.pages]


def _chunk_rows(tx: Transaction, item: IndexedVersion) -> list[dict[str, Any]]:
    return _rows_of(tx, item.document_id, item.version, item.generation, item.chunks)


def _rows_of(
    tx: Transaction, document_id: str, version: int, generation: int, parts: Sequence[Chunk]
) -> list[dict[str, Any]]:
    """The rows of a version's chunks, which the caller stores; their passages are stored here."""
    key = {"document_id": document_id, "version": version, "generation": generation}
    numbers = _put_passages(tx, key, parts)
    return [
        {
            "id": chunk.id,
            **key,
            "position": chunk.index,
            "spans": chunk.spans,
            "text": chunk.text,
            "heading": chunk.heading,
            "index_text": chunk.index_text,
            "text_hash": text_hash(chunk.index_text),
            "passage": None if chunk.parent is None else numbers[chunk.parent.spans],
        }
        for chunk in parts
    ]


def _put_passages(
    tx: Transaction, key: Mapping[str, Any], parts: Sequence[Chunk]
) -> dict[tuple[Span, ...], int]:
    """Store the passages that chunks belong to; returns the number of each by its spans."""
    found = {chunk.parent.spans: chunk.parent for chunk in parts if chunk.parent is not None}
    rows = [{**key, "position": n, **to_row(each)} for n, each in enumerate(found.values())]
    _insert(tx, passages, rows)
    return {spans: position for position, spans in enumerate(found)}


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
