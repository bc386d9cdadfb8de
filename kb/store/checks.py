"""Invariants that SQL alone can tell, as (code, sentence) pairs. Empty is good."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import and_, func, select

from kb.store import schema
from kb.store.database import Transaction
from kb.store.records import spans_from
from kb.types import Span

documents, chunks, pages = schema.documents, schema.chunks, schema.pages
jobs, ops = schema.jobs, schema.index_ops


def problems(tx: Transaction) -> Iterator[tuple[str, str]]:
    """Every broken invariant of the rows."""
    yield from _stuck_documents(tx)
    yield from _wrong_counts(tx)
    yield from _missing_vectors(tx)
    yield from _wrong_quotes(tx)
    yield from _orphans(tx)


def _stuck_documents(tx: Transaction) -> Iterator[tuple[str, str]]:
    """A document in work has a job or an index operation that will move it on."""
    driven = select(jobs.c.document_id).union(
        select(ops.c.document_id).where(ops.c.kind == "add", ops.c.document_id.is_not(None))
    )
    query = select(documents.c.name, documents.c.status).where(
        documents.c.status.in_(("pending", "indexing")), documents.c.id.not_in(driven)
    )
    for row in tx.execute(query):
        yield "document_stuck", f"Document {row.name!r} is {row.status}, and nothing works on it."


def _wrong_counts(tx: Transaction) -> Iterator[tuple[str, str]]:
    """A ready document has exactly the chunks that its receipt names, numbered from 0."""
    own = and_(chunks.c.document_id == documents.c.id, chunks.c.version == documents.c.live_version)
    query = (
        select(
            documents.c.name,
            documents.c.chunk_count,
            func.count(chunks.c.id).label("stored"),
            func.coalesce(func.max(chunks.c.position) + 1, 0).label("numbered"),
        )
        .join_from(documents, chunks, own, isouter=True)
        .where(documents.c.status == "ready")
        .group_by(documents.c.id, chunks.c.generation)
    )
    for row in tx.execute(query):
        if not row.chunk_count == row.stored == row.numbered:
            yield (
                "chunk_count",
                f"Document {row.name!r} should have {row.chunk_count} chunks and has {row.stored}.",
            )


def _missing_vectors(tx: Transaction) -> Iterator[tuple[str, str]]:
    held = select(schema.embeddings.c.text_hash)
    query = select(func.count()).where(chunks.c.text_hash.not_in(held))
    if missing := tx.execute(query).scalar_one():
        yield "embedding_missing", f"{missing} chunks have no embedding."


def _wrong_quotes(tx: Transaction) -> Iterator[tuple[str, str]]:
    """A chunk's text is what its spans cut from its pages, character by character."""
    order = (chunks.c.document_id, chunks.c.version)
    query = select(chunks.c.id, *order, chunks.c.spans, chunks.c.text).order_by(*order)
    current: tuple[str, int] | None = None
    texts: dict[int, str] = {}
    for row in tx.execute(query):
        if (row.document_id, row.version) != current:
            current = (row.document_id, row.version)
            texts = _page_texts(tx, *current)
        if "".join(_slice(texts, span) for span in spans_from(row.spans)) != row.text:
            yield "quote", f"Chunk {row.id} does not equal the page text at its spans."


def _page_texts(tx: Transaction, document_id: str, version: int) -> dict[int, str]:
    query = select(pages.c.number, pages.c.text).where(
        pages.c.document_id == document_id, pages.c.version == version
    )
    return {row.number: row.text for row in tx.execute(query)}


def _slice(texts: dict[int, str], span: Span) -> str:
    return texts.get(span.page, "")[span.start : span.end]


def _orphans(tx: Transaction) -> Iterator[tuple[str, str]]:
    if tx.execute(select(func.count()).select_from(jobs)).scalar_one():
        return  # work in hand stores vectors before their chunks
    held = select(chunks.c.text_hash)
    query = select(func.count()).where(schema.embeddings.c.text_hash.not_in(held))
    if unused := tx.execute(query).scalar_one():
        yield "embedding_unused", f"{unused} embeddings belong to no chunk."
