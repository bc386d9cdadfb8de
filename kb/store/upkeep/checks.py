"""Invariants that SQL alone can tell, as (code, sentence) pairs. Empty is good."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlalchemy import String, and_, cast, distinct, func, select

from kb.store.engine import schema
from kb.store.engine.database import READ_AT_ONCE, Transaction
from kb.types import Span

documents, chunks, pages = schema.documents, schema.chunks, schema.pages
jobs, ops = schema.jobs, schema.index_ops
datasets, generations = schema.datasets, schema.generations
held = schema.generation_documents


Check = Callable[[Transaction], Iterator[tuple[str, str]]]
"""Finds (code, sentence) pairs."""


def stuck(tx: Transaction) -> list[tuple[str, str, str]]:
    """(id, name, status) of documents in work without a job or an operation to move them on."""
    driven = select(jobs.c.subject).union(
        select(ops.c.document_id).where(ops.c.kind == "add", ops.c.document_id.is_not(None))
    )
    query = select(documents.c.id, documents.c.name, documents.c.status).where(
        documents.c.status.in_(("pending", "indexing")), documents.c.id.not_in(driven)
    )
    return [(row.id, row.name, row.status) for row in tx.execute(query)]


def _stuck_documents(tx: Transaction) -> Iterator[tuple[str, str]]:
    for _, name, status in stuck(tx):
        yield "document_stuck", f"Document {name!r} is {status}, and nothing works on it."


def _wrong_counts(tx: Transaction) -> Iterator[tuple[str, str]]:
    """A ready document has exactly the chunks that its receipt names, numbered from 0."""
    own = and_(
        chunks.c.document_id == documents.c.id,
        chunks.c.version == documents.c.live_version,
        chunks.c.generation == datasets.c.generation,
    )
    query = (
        select(
            documents.c.name,
            documents.c.chunk_count,
            func.count(chunks.c.id).label("stored"),
            func.coalesce(func.max(chunks.c.position) + 1, 0).label("numbered"),
        )
        .join_from(documents, datasets, documents.c.dataset_id == datasets.c.id)
        .join(chunks, own, isouter=True)
        .where(documents.c.status == "ready")
        .group_by(documents.c.id)
    )
    for row in tx.execute(query):
        if not row.chunk_count == row.stored == row.numbered:
            yield (
                "chunk_count",
                f"Document {row.name!r} should have {row.chunk_count} chunks and has {row.stored}.",
            )


def _missing_vectors(tx: Transaction) -> Iterator[tuple[str, str]]:
    """A chunk has the vector of its text by the embedder of its generation."""
    vectors = schema.embeddings
    same = and_(
        vectors.c.text_hash == chunks.c.text_hash, vectors.c.embedder == generations.c.embedder
    )
    own = and_(
        generations.c.dataset_id == documents.c.dataset_id,
        generations.c.number == chunks.c.generation,
    )
    query = (
        select(func.count())
        .select_from(chunks)
        .join(documents, chunks.c.document_id == documents.c.id)
        .join(generations, own)
        .join(vectors, same, isouter=True)
        .where(vectors.c.id.is_(None))
    )
    if missing := tx.execute(query).scalar_one():
        yield "embedding_missing", f"{missing} chunks have no embedding."


def _wrong_quotes(tx: Transaction) -> Iterator[tuple[str, str]]:
    """A chunk's text is what its spans cut from its pages, character by character."""
    order = (chunks.c.document_id, chunks.c.version)
    passages = schema.passages
    number = passages.c.document_id + ".passage." + cast(passages.c.position, String)
    whole = select(
        number.label("id"),
        passages.c.document_id,
        passages.c.version,
        passages.c.spans,
        passages.c.text,
    )
    each = select(chunks.c.id, *order, chunks.c.spans, chunks.c.text).union_all(whole)
    query = each.order_by("document_id", "version").execution_options(yield_per=READ_AT_ONCE)
    current: tuple[str, int] | None = None
    texts: dict[int, str] = {}
    for row in tx.execute(query):
        if (row.document_id, row.version) != current:
            current = (row.document_id, row.version)
            texts = _page_texts(tx, *current)
        if "".join(_slice(texts, span) for span in row.spans) != row.text:
            yield "quote", f"Chunk {row.id} does not equal the page text at its spans."


def _page_texts(tx: Transaction, document_id: str, version: int) -> dict[int, str]:
    query = select(pages.c.number, pages.c.text).where(
        pages.c.document_id == document_id, pages.c.version == version
    )
    return {row.number: row.text for row in tx.execute(query)}


def _slice(texts: dict[int, str], span: Span) -> str:
    return texts.get(span.page, "")[span.start : span.end]


def _wrong_receipts(tx: Transaction) -> Iterator[tuple[str, str]]:
    """A ready document's receipt adds up, and says what is stored."""
    length = func.coalesce(func.sum(func.length(pages.c.text)), 0)
    own_pages = and_(pages.c.document_id == documents.c.id, pages.c.version == documents.c.version)
    query = (
        select(documents.c.id, documents.c.name, documents.c.receipt, length.label("characters"))
        .join_from(documents, pages, own_pages, isouter=True)
        .where(documents.c.status == "ready")
        .group_by(documents.c.id)
    )
    own_chunks = and_(
        chunks.c.document_id == documents.c.id,
        chunks.c.version == documents.c.version,
        chunks.c.generation == datasets.c.generation,
    )
    counted = (
        select(documents.c.id, func.count(distinct(chunks.c.position)).label("chunks"))
        .join_from(documents, datasets, documents.c.dataset_id == datasets.c.id)
        .join(chunks, own_chunks)
        .group_by(documents.c.id)
    )
    stored = {row.id: row.chunks for row in tx.execute(counted)}
    for row in tx.execute(query):
        if (reason := _imbalance(row.receipt, row.characters, stored.get(row.id, 0))) is not None:
            yield "receipt", f"The receipt of document {row.name!r} is wrong: {reason}."


def _imbalance(receipt: Mapping[str, Any] | None, characters: int, stored: int) -> str | None:
    """What is wrong with a receipt; None if all is right."""
    if receipt is None or "balance" not in receipt:
        return "it has no sums"
    sums = receipt["balance"]
    if sums["characters"] != characters or receipt["characters"] != characters:
        return f"its pages hold {characters} characters, and it counts {sums['characters']}"
    if sums["kept"] + sums["removed"] + sums["blank"] != characters or sums["lost"]:
        return "kept, removed and blank characters do not add up to all of them"
    if sum(receipt["removed"].values()) != sums["removed"]:
        return "what each rule removed does not add up to all that was removed"
    if not receipt["chunks"] == receipt["vectors"] == stored or receipt["truncated"]:
        return f"{stored} chunks are stored, and it counts {receipt['chunks']}"
    return None


def _orphans(tx: Transaction) -> Iterator[tuple[str, str]]:
    if tx.execute(select(func.count()).select_from(jobs)).scalar_one():
        return  # work in hand stores vectors before their chunks
    needed = select(chunks.c.text_hash)
    query = select(func.count()).where(schema.embeddings.c.text_hash.not_in(needed))
    if unused := tx.execute(query).scalar_one():
        yield "embedding_unused", f"{unused} embeddings belong to no chunk."


def _unlike_live(tx: Transaction) -> Iterator[tuple[str, str]]:
    """A dataset's row says what its live generation says, and that one is there."""
    same = and_(
        generations.c.dataset_id == datasets.c.id,
        generations.c.number == datasets.c.generation,
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


def _wrong_generation_counts(tx: Transaction) -> Iterator[tuple[str, str]]:
    """A generation beside has exactly the chunks that it notes for each document."""
    own = and_(
        chunks.c.document_id == held.c.document_id,
        chunks.c.version == held.c.version,
        chunks.c.generation == held.c.generation,
    )
    query = (
        select(
            documents.c.name,
            held.c.generation,
            held.c.chunk_count,
            func.count(chunks.c.id),
        )
        .join_from(
            held,
            documents,
            held.c.document_id == documents.c.id,
        )
        .join(chunks, own, isouter=True)
        .group_by(held.c.document_id, held.c.generation, documents.c.name)
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


CHECKS: Mapping[str, Check] = {
    "that each document is worked on": _stuck_documents,
    "the numbers of chunks": _wrong_counts,
    "the vectors of chunks": _missing_vectors,
    "the quotes of chunks": _wrong_quotes,
    "the receipts": _wrong_receipts,
    "unused vectors": _orphans,
    "the live generations": _unlike_live,
    "the numbers of chunks in each generation": _wrong_generation_counts,
    "that each chunk has a generation": _ownerless,
}
"""What is checked → how. Each stands by itself, so that a damaged page ends one of them only."""
