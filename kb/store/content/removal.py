"""What goes, and when: rows in one transaction, index rows by the operations that it queues."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import bindparam, delete, func, select, update

from kb.iteration import batched
from kb.store.content import documents, embeddings, index_ops
from kb.store.engine import schema
from kb.store.engine.database import VARIABLES, Transaction

table = schema.documents
chunks = schema.chunks
pages = schema.pages
layouts = schema.layouts
held = schema.generation_documents
versions = schema.document_versions
passages = schema.passages


def make_all_live(tx: Transaction, indexed: Mapping[str, int]) -> None:
    """Both indexes have these versions, by document id: they answer from now on."""
    columns = (table.c.id, table.c.dataset_id, table.c.version, table.c.live_version)
    rows = [
        row
        for part in batched(indexed, VARIABLES)
        for row in tx.execute(select(*columns).where(table.c.id.in_(part)))
        if (row.live_version or 0) <= indexed[row.id]
    ]
    newest = [row.id for row in rows if row.version == indexed[row.id]]
    live = [{"key": row.id, "live_version": indexed[row.id]} for row in rows]
    if live:
        tx.execute(update(table).where(table.c.id == bindparam("key")), live)
    documents.set_statuses(tx, newest, "ready")
    for row in rows:
        if indexed[row.id] > 1:
            forget_versions(tx, row.dataset_id, row.id, older_than=indexed[row.id])


def remove_chunks(tx: Transaction, document_id: str, version: int, generation: int) -> None:
    """Delete the chunk rows of a version, with vectors that nothing else needs."""
    embeddings.collect_unused(tx, remove_rows(tx, document_id, version, generation))


def remove_rows(tx: Transaction, document_id: str, version: int, generation: int) -> list[bytes]:
    """Delete the chunk rows of a version only; returns the hashes of their texts."""
    where = (
        (chunks.c.document_id == document_id)
        & (chunks.c.version == version)
        & (chunks.c.generation == generation)
    )
    hashes = list(tx.execute(select(chunks.c.text_hash).where(where)).scalars())
    if not hashes:
        return []
    tx.execute(delete(chunks).where(where))
    tx.execute(
        delete(passages).filter_by(document_id=document_id, version=version, generation=generation)
    )
    return hashes


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
            index_ops.add(
                tx,
                "remove",
                dataset_id,
                generation,
                document_id=document_id,
                version=version,
                chunk_count=number,
            )
            remove_chunks(tx, document_id, version, generation)
    for kept in (pages, layouts, held):
        old = delete(kept).where(kept.c.document_id == document_id)
        tx.execute(old if older_than is None else old.where(kept.c.version < older_than))
