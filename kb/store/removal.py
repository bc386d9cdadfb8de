"""What goes, and when: rows in one transaction, index rows by the operations that it queues."""

from __future__ import annotations

from sqlalchemy import delete, func, select, update

from kb.store import batches, datasets, documents, embeddings, index_ops, jobs, schema
from kb.store.database import Transaction
from kb.types import Scope

table = schema.documents
chunks = schema.chunks
pages = schema.pages


def make_live(tx: Transaction, document_id: str, version: int) -> None:
    """Both indexes have this version: it answers from now on, and older ones go."""
    row = tx.execute(select(table).where(table.c.id == document_id)).one_or_none()
    if row is None or (row.live_version or 0) > version:
        return
    tx.execute(update(table).where(table.c.id == document_id).values(live_version=version))
    if row.version == version:
        documents.set_status(tx, document_id, "ready")
    _forget_versions(tx, row.dataset_id, document_id, older_than=version)


def remove(tx: Transaction, scope: Scope, document_id: str) -> str:
    """Delete a document with everything derived from it; returns the hash of its original.

    It is out of every answer when the transaction commits; the index rows go right after.
    """
    document = documents.get(tx, scope, document_id)
    _forget_versions(tx, document.dataset_id, document_id, older_than=None)
    jobs.drop(tx, document_id)
    tx.execute(delete(table).where(table.c.id == document_id))
    return document.sha256


def remove_dataset(tx: Transaction, scope: Scope, dataset_id: str) -> list[str]:
    """Delete a dataset with all its documents; returns the hashes of the originals."""
    dataset = datasets.get(tx, scope, dataset_id)
    ids = list(tx.execute(select(table.c.id).where(table.c.dataset_id == dataset_id)).scalars())
    hashes = [remove(tx, scope, document_id) for document_id in ids]
    batches.remove_of_dataset(tx, dataset_id)
    index_ops.add(tx, "drop", dataset_id, dataset.generation)
    datasets.remove_row(tx, dataset_id)
    return hashes


def remove_chunks(tx: Transaction, document_id: str, version: int, generation: int) -> None:
    """Delete the chunk rows of a version, with vectors that nothing else needs."""
    where = (
        (chunks.c.document_id == document_id)
        & (chunks.c.version == version)
        & (chunks.c.generation == generation)
    )
    hashes = list(tx.execute(select(chunks.c.text_hash).where(where)).scalars())
    tx.execute(delete(chunks).where(where))
    embeddings.collect_unused(tx, hashes)


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
    old_pages = delete(pages).where(pages.c.document_id == document_id)
    if older_than is not None:
        old_pages = old_pages.where(pages.c.version < older_than)
    tx.execute(old_pages)
