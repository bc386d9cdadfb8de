"""The switch of a dataset from one generation to another, and the removal of one: one transaction.

A search reads the dataset's row once and stays with the generation that it found there, so every
answer rests on one generation as a whole. What a document says of itself (chunk count, receipt,
error) belongs to the live generation and changes hands with it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, case, delete, insert, literal, select, update

from kb.errors import Conflict, GenerationIncomplete
from kb.ids import now
from kb.store.content import datasets, generations, index_ops, indexed, outbox
from kb.store.engine import schema
from kb.store.engine.database import Transaction
from kb.types import Dataset, Failure, Generation, Scope

documents = schema.documents
held = schema.generation_documents
chunks = schema.chunks


def switch(tx: Transaction, scope: Scope, dataset_id: str, number: int) -> Dataset:
    """Let another generation answer.

    Raises:
        NotFound: the dataset or the generation cannot be seen.
        GenerationIncomplete: the generation lacks a document, or an index has yet to take one in.
    """
    dataset = datasets.get(tx, scope, dataset_id)
    target = generations.get(tx, dataset, number)
    if target.status == "live":
        return dataset
    _refuse_incomplete(tx, target)
    before = generations.get(tx, dataset, dataset.generation)
    own = documents.c.dataset_id == dataset_id
    indexed.carry_switches(tx, own, generation=target.number)
    _store_state(tx, before)
    _take_state(tx, target)
    datasets.point_to(tx, target)
    generations.mark_live(tx, before, target)
    return datasets.get(tx, scope, dataset_id)


def roll_back(tx: Transaction, scope: Scope, dataset_id: str) -> Dataset:
    """Let the generation answer again that did before.

    Raises:
        Conflict: there is none, or it lacks something at this moment.
    """
    dataset = datasets.get(tx, scope, dataset_id)
    before = generations.previous(generations.of_dataset(tx, dataset))
    if before is None:
        raise Conflict(
            f"Dataset {dataset.name!r} has no generation to go back to: none was live before, or "
            "it was removed."
        )
    return switch(tx, scope, dataset_id, before.number)


def remove(tx: Transaction, scope: Scope, dataset_id: str, number: int) -> None:
    """Remove a generation that is not live: rows at once, its folder right after.

    Raises:
        Conflict: it is the live one.
    """
    dataset = datasets.get(tx, scope, dataset_id)
    gone = generations.get(tx, dataset, number)
    if gone.status == "live":
        raise Conflict(f"Generation {number} answers. Switch to another one before removing it.")
    generations.mark_removed(tx, gone)
    own = select(documents.c.id).where(documents.c.dataset_id == dataset_id)
    tx.execute(delete(held).where(held.c.generation == number, held.c.document_id.in_(own)))
    stored = select(chunks.c.document_id, chunks.c.version).distinct()
    rows = tx.execute(stored.where(chunks.c.generation == number, chunks.c.document_id.in_(own)))
    for document_id, version in rows.all():
        indexed.remove_chunks(tx, document_id, version, number)
    indexed.drop_vectors(tx, gone.embedder)
    index_ops.add(tx, "drop", dataset_id, number)


def put_state(
    tx: Transaction,
    generation: Generation,
    document_id: str,
    version: int,
    *,
    chunk_count: int = 0,
    receipt: Any = None,
    error: Failure | None = None,
) -> None:
    """Note that a generation holds a document version, or why it cannot."""
    own = {"document_id": document_id, "generation": generation.number}
    tx.execute(delete(held).filter_by(**own))
    values = {"chunk_count": chunk_count, "receipt": receipt, "error": error}
    tx.execute(insert(held).values(**own, version=version, **values))


def _refuse_incomplete(tx: Transaction, target: Generation) -> None:
    lacking = generations.counts(tx, target).pending
    if lacking or index_ops.waiting_for(tx, target.dataset_id):
        raise GenerationIncomplete(
            f"Generation {target.number} still lacks {lacking} documents. Wait until it is ready."
            if lacking
            else "An index has yet to take in a document. Try again in a moment."
        )


def _store_state(tx: Transaction, before: Generation) -> None:
    """What the documents say of the generation that goes."""
    said = {
        "document_id": documents.c.id,
        "generation": literal(before.number),
        "version": documents.c.live_version,
        "error": case((_IS_ABOUT_LIVE, documents.c.error)),
        "chunk_count": documents.c.chunk_count,
        "receipt": documents.c.receipt,
    }
    own = documents.c.dataset_id == before.dataset_id, documents.c.live_version.is_not(None)
    tx.execute(insert(held).from_select(list(said), select(*said.values()).where(*own)))


def _take_state(tx: Transaction, target: Generation) -> None:
    """What the generation that comes has noted of the documents."""
    status = case((held.c.error["code"].as_string().is_(None), "ready"), else_="failed")
    taken = {
        "chunk_count": held.c.chunk_count,
        "receipt": held.c.receipt,
        "updated_at": now(),
        "status": case((_IS_ABOUT_LIVE, status), else_=documents.c.status),
        "error": case((_IS_ABOUT_LIVE, held.c.error), else_=documents.c.error),
    }
    noted = held.c.generation == target.number, held.c.document_id == documents.c.id
    own = documents.c.dataset_id == target.dataset_id
    with outbox.watched(tx, own):
        tx.execute(update(documents).where(own, *noted).values(taken))
    ids = select(documents.c.id).where(own)
    tx.execute(delete(held).where(held.c.generation == target.number, held.c.document_id.in_(ids)))


_IS_ABOUT_LIVE = and_(
    documents.c.version == documents.c.live_version, documents.c.status.in_(("ready", "failed"))
)
"""Whether a document's status speaks of the version that answers, and not of a newer one."""
