"""Invariants of generations that SQL alone can tell, as (code, sentence) pairs. Empty is good."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import and_, func, select

from kb.store.engine import schema
from kb.store.engine.database import Transaction

documents, chunks = schema.documents, schema.chunks
datasets, generations = schema.datasets, schema.generations
held = schema.generation_documents


def problems(tx: Transaction) -> Iterator[tuple[str, str]]:
    """Every broken invariant."""
    yield from _unlike_live(tx)
    yield from _wrong_counts(tx)
    yield from _ownerless(tx)


def _unlike_live(tx: Transaction) -> Iterator[tuple[str, str]]:
    """A dataset's row says what its live generation says, and that one is there."""
    same = and_(
        generations.c.dataset_id == datasets.c.id, generations.c.number == datasets.c.generation
    )
    query = select(
        datasets.c.name,
        datasets.c.processing,
        datasets.c.embedder,
        generations.c.number,
        generations.c.processing.label("own_processing"),
        generations.c.embedder.label("own_embedder"),
        generations.c.removed_at,
    ).join_from(datasets, generations, same, isouter=True)
    for row in tx.execute(query):
        if row.number is None or row.removed_at is not None:
            yield "generation_live", f"The live generation of dataset {row.name!r} is not there."
        elif (row.processing, row.embedder) != (row.own_processing, row.own_embedder):
            yield "generation_live", f"Dataset {row.name!r} and its live generation differ."


def _wrong_counts(tx: Transaction) -> Iterator[tuple[str, str]]:
    """A generation beside has exactly the chunks that it notes for each document."""
    own = and_(
        chunks.c.document_id == held.c.document_id,
        chunks.c.version == held.c.version,
        chunks.c.generation == held.c.generation,
    )
    query = (
        select(documents.c.name, held.c.generation, held.c.chunk_count, func.count(chunks.c.id))
        .join_from(held, documents, held.c.document_id == documents.c.id)
        .join(chunks, own, isouter=True)
        .group_by(held.c.document_id, held.c.generation)
    )
    for name, generation, noted, stored in tx.execute(query):
        if noted != stored:
            yield (
                "generation_count",
                f"Document {name!r} should have {noted} chunks in generation {generation} and "
                f"has {stored}.",
            )


def _ownerless(tx: Transaction) -> Iterator[tuple[str, str]]:
    """A chunk belongs to a generation that is there."""
    own = and_(
        generations.c.dataset_id == documents.c.dataset_id,
        generations.c.number == chunks.c.generation,
        generations.c.removed_at.is_(None),
    )
    query = (
        select(func.count())
        .select_from(chunks)
        .join(documents, chunks.c.document_id == documents.c.id)
        .join(generations, own, isouter=True)
        .where(generations.c.number.is_(None))
    )
    if strays := tx.execute(query).scalar_one():
        yield "generation_stray", f"{strays} chunks belong to no generation."
