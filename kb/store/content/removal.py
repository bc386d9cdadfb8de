"""What goes, and when: rows in one transaction, index rows by the operations that it queues."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import bindparam, delete, func, select, update

from kb.iteration import batched
from kb.store.content import datasets, documents, embeddings
from kb.store.engine import schema
from kb.store.engine.database import VARIABLES, Transaction
from kb.store.work import batches, index_ops, jobs, uploads
from kb.types import Scope

table = schema.documents
chunks = schema.chunks
pages = schema.pages
layouts = schema.layouts
held = schema.generation_documents
versions = schema.document_versions
passages = schema.passages


def make_live(tx: Transaction, document_id: str, version: int) -> None:
    """Both indexes have this version: it answers from now on, and older ones go."""
    make_all_live(tx, {document_id: version})


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
            _forget_versions(tx, row.dataset_id, row.id, older_than=indexed[row.id])


def remove(tx: Transaction, scope: Scope, document_id: str) -> list[str]:
    """Delete a document with everything derived from it; returns the hashes of its originals.

    It is out of every answer when the transaction commits; the index rows go right after.
    """
    document = documents.get(tx, scope, document_id)
    _forget_versions(tx, document.dataset_id, document_id, older_than=None)
    jobs.drop(tx, document_id)
    kept = delete(versions).where(versions.c.document_id == document_id)
    older = tx.execute(kept.returning(versions.c.sha256)).scalars().all()
    tx.execute(delete(table).where(table.c.id == document_id))
    return [sha256 for sha256 in (document.sha256, *older) if sha256]


def remove_dataset(tx: Transaction, scope: Scope, dataset_id: str) -> list[str]:
    """Delete a dataset with all its documents; returns the hashes of the originals."""
    datasets.get(tx, scope, dataset_id)
    ids = list(tx.execute(select(table.c.id).where(table.c.dataset_id == dataset_id)).scalars())
    hashes = [sha256 for document_id in ids for sha256 in remove(tx, scope, document_id)]
    batches.remove_of_dataset(tx, dataset_id)
    uploads.remove_of_dataset(tx, dataset_id)
    for generation in datasets.generations_of(tx, dataset_id):
        index_ops.add(tx, "drop", dataset_id, generation)
    datasets.remove_row(tx, dataset_id)
    return hashes


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


def _forget_versions(
    tx: Transaction, dataset_id: str, document_id: str, *, older_than: int | None
) -> None:
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
