"""Chunks: what is searched. One is live if its version and generation are the ones pointed at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, func, insert, select

from kb.batches import batched
from kb.store import documents, removal, schema
from kb.store.database import Transaction
from kb.store.embeddings import VARIABLES, text_hash
from kb.store.paging import PageRequest
from kb.store.records import spans_from, spans_to
from kb.types import Chunk, Scope

table = schema.chunks


@dataclass(frozen=True, slots=True)
class LiveChunk:
    """A chunk that may be shown, with the names around it."""

    chunk: Chunk
    dataset_id: str
    document_name: str


def put(
    tx: Transaction, document_id: str, version: int, generation: int, chunks: Sequence[Chunk]
) -> None:
    """Store the chunks of a document version, in place of any that were there."""
    removal.remove_chunks(tx, document_id, version, generation)
    rows = [
        {
            "id": chunk.id,
            "document_id": document_id,
            "version": version,
            "generation": generation,
            "position": chunk.index,
            "spans": spans_to(chunk.spans),
            "text": chunk.text,
            "heading": chunk.heading,
            "index_text": chunk.index_text,
            "text_hash": text_hash(chunk.index_text),
        }
        for chunk in chunks
    ]
    if rows:
        tx.execute(insert(table), rows)


def live(tx: Transaction, scope: Scope, chunk_ids: Iterable[str]) -> dict[str, LiveChunk]:
    """Those of the chunks that are live and visible: a hit counts only if it is here."""
    found: dict[str, LiveChunk] = {}
    for part in batched(chunk_ids, VARIABLES):
        for row in tx.execute(_live_query(scope).where(table.c.id.in_(part))):
            found[row.id] = LiveChunk(_chunk(row), row.dataset_id, row.document_name)
    return found


def of_document(
    tx: Transaction, scope: Scope, document_id: str, request: PageRequest
) -> tuple[list[Chunk], str | None]:
    """Some live chunks of a document in order, and the cursor of the rest."""
    documents.get(tx, scope, document_id)
    query = (
        _live_query(scope)
        .where(table.c.document_id == document_id)
        .where(table.c.position > int(request.cursor or -1))
        .order_by(table.c.position)
        .limit(request.limit + 1)
    )
    found = [_chunk(row) for row in tx.execute(query)]
    shown = found[: request.limit]
    return shown, str(shown[-1].index) if len(found) > len(shown) else None


def of_version(
    tx: Transaction, document_id: str, version: int, generation: int
) -> list[tuple[str, str]]:
    """(chunk id, index_text) of one document version, in order: what the indexes are fed."""
    query = (
        select(table.c.id, table.c.index_text)
        .where(table.c.document_id == document_id)
        .where(table.c.version == version, table.c.generation == generation)
        .order_by(table.c.position)
    )
    return [(row.id, row.index_text) for row in tx.execute(query)]


def live_of_dataset(tx: Transaction, dataset_id: str) -> Iterator[tuple[str, str]]:
    """(chunk id, index_text) of every live chunk of a dataset: what its indexes should hold."""
    query = _live_join(select(table.c.id, table.c.index_text)).where(
        schema.documents.c.dataset_id == dataset_id
    )
    for row in tx.execute(query.order_by(table.c.document_id, table.c.position)):
        yield row.id, row.index_text


def live_ids(tx: Transaction, dataset_id: str) -> set[str]:
    """The ids that a dataset's indexes should hold."""
    query = _live_join(select(table.c.id)).where(schema.documents.c.dataset_id == dataset_id)
    return set(tx.execute(query).scalars())


def count(tx: Transaction) -> int:
    """All chunks, live or not."""
    return tx.execute(select(func.count()).select_from(table)).scalar_one()


def _live_join(query: Select[Any]) -> Select[Any]:
    owner, dataset = schema.documents, schema.datasets
    return (
        query.join_from(table, owner, table.c.document_id == owner.c.id)
        .join(dataset, owner.c.dataset_id == dataset.c.id)
        .where(table.c.version == owner.c.live_version)
        .where(table.c.generation == dataset.c.generation)
    )


def _live_query(scope: Scope) -> Select[Any]:
    owner = schema.documents
    names = (owner.c.dataset_id, owner.c.name.label("document_name"))
    query = _live_join(select(table, *names)).where(owner.c.workspace == scope.workspace)
    return query if scope.datasets is None else query.where(owner.c.dataset_id.in_(scope.datasets))


def _chunk(row: Row[Any]) -> Chunk:
    return Chunk(
        id=row.id,
        document_id=row.document_id,
        index=row.position,
        spans=spans_from(row.spans),
        text=row.text,
        heading=row.heading,
        index_text=row.index_text,
    )
