"""Deleting documents and datasets: rows in one transaction, index rows by what that queues."""

from __future__ import annotations

from sqlalchemy import delete, select

from kb.store.content import datasets, documents, index_ops, indexed, outbox
from kb.store.engine import schema
from kb.store.engine.database import Transaction
from kb.store.work import batches, jobs, uploads
from kb.types import Scope

table = schema.documents
versions = schema.document_versions


def delete_document(tx: Transaction, scope: Scope, document_id: str) -> list[str]:
    """Delete a document with everything derived from it; returns the hashes of its originals.

    It is out of every answer when the transaction commits; the index rows go right after.
    """
    document = documents.get(tx, scope, document_id)
    indexed.forget_versions(tx, document.dataset_id, document_id, older_than=None)
    jobs.drop(tx, document_id)
    kept = delete(versions).where(versions.c.document_id == document_id)
    older = tx.execute(kept.returning(versions.c.sha256)).scalars().all()
    with outbox.watched(tx, table.c.id == document_id):
        tx.execute(delete(table).where(table.c.id == document_id))
    outbox.black_out(tx, document_id)
    return [sha256 for sha256 in (document.sha256, *older) if sha256]


def delete_dataset(tx: Transaction, scope: Scope, dataset_id: str) -> list[str]:
    """Delete a dataset with all its documents; returns the hashes of the originals."""
    datasets.get(tx, scope, dataset_id)
    ids = list(tx.execute(select(table.c.id).where(table.c.dataset_id == dataset_id)).scalars())
    batches.remove_of_dataset(tx, dataset_id)  # first: nobody is to be told that they completed
    hashes = [sha256 for document_id in ids for sha256 in delete_document(tx, scope, document_id)]
    uploads.remove_of_dataset(tx, dataset_id)
    for generation in datasets.generations_of(tx, dataset_id):
        index_ops.add(tx, "drop", dataset_id, generation)
    datasets.remove_row(tx, dataset_id)
    return hashes
