"""Chunks: what is searched. One is live if its version and generation are the ones pointed at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import numpy as np
from sqlalchemy import JSON, Row, Select, and_, bindparam, func, or_, select, update

from kb.iteration import batched
from kb.protocols import Vectors
from kb.store.content import documents
from kb.store.content.texts import hashes
from kb.store.engine import dialect, schema, visibility
from kb.store.engine.database import READ_AT_ONCE, VARIABLES, Transaction
from kb.store.engine.paging import Listing, PageRequest, listing, one
from kb.store.engine.schema.columns import of_row
from kb.types import Chunk, Passage, Scope

table = schema.chunks
passages = schema.passages

Generations = Mapping[str, int]
"""Dataset id → the generation whose chunks count as live."""


@dataclass(frozen=True, slots=True)
class LiveChunk:
    """A chunk that may be shown, with the names around it."""

    chunk: Chunk
    dataset_id: str
    document_name: str
    version: int
    file_id: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """What ranking needs of a live chunk: how its text begins, and its vector if it has one.

    `text` is the name of its text, see `kb.store.content.texts`. Chunks with an equal `passage`
    return the same text; None: the chunk returns its own.
    """

    dataset_id: str
    text: str
    beginning: str
    vector: Vectors | None
    passage: tuple[str, int] | None = None


def live(
    tx: Transaction,
    scope: Scope,
    chunk_ids: Iterable[str],
    generations: Generations | None = None,
) -> dict[str, LiveChunk]:
    """Those of the chunks that are live, switched on and visible: a hit counts only if it is here.

    Args:
        generations: what counts as live in each dataset, for a search that began before a switch;
            without it, what is live now.
    """
    return {
        row.id: LiveChunk(
            _chunk(row),
            row.dataset_id,
            row.document_name,
            row.version,
            row.file_id,
            row.metadata,
            row.labels or (),
        )
        for row in tx.execute(_LIVE, {**visibility.asker(scope), "ids": list(chunk_ids)}).all()
        if _is_wanted(row, scope, generations)
    }


def candidates(
    tx: Transaction,
    scope: Scope,
    *,
    chunk_ids: Iterable[str],
    texts: Iterable[str],
    generations: Generations,
    embedder: str,
    characters: int,
) -> dict[str, Candidate]:
    """The live chunks that have one of the ids or one of the texts, with only what ranking needs:
    most candidates become no hit.

    Args:
        embedder: fingerprint of the vectors that are wanted.
        characters: how much of each text is read.
    """
    fixed = {**visibility.asker(scope), "embedder": embedder, "characters": characters}
    parts = zip_longest([list(chunk_ids)], batched(hashes(texts), VARIABLES), fillvalue=())
    # Unpacked, because a row's columns take 1 µs each by name, and there are hundreds.
    return {
        chunk_id: Candidate(
            dataset_id,
            text_hash.hex(),
            beginning,
            None if vector is None else np.frombuffer(vector, "<f4"),
            None if passage is None else (document_id, passage),
        )
        for ids, named in parts
        for (
            chunk_id,
            document_id,
            passage,
            generation,
            text_hash,
            dataset_id,
            beginning,
            vector,
        ) in tx.execute(_CANDIDATES, {**fixed, "ids": ids, "hashes": named})
        if scope.sees_dataset(dataset_id) and generation == generations.get(dataset_id)
    }


def of_document(
    tx: Transaction, scope: Scope, document_id: str, request: PageRequest, *, q: str | None = None
) -> Listing[Chunk]:
    """A part of the live chunks of a document, by a piece of the text, in order."""
    documents.get(tx, scope, document_id)
    query = _live_query(scope).where(table.c.document_id == document_id)
    if q:
        query = query.where(table.c.text.icontains(q, autoescape=True))
    return listing(tx, query, table.c.position, request, _chunk)


def switch(tx: Transaction, scope: Scope, chunk_id: str, *, enabled: bool) -> Chunk:
    """Switch a live chunk, with those whose hits return the same passage. Raises NotFound."""
    own = _live_query(scope).where(table.c.id == chunk_id)
    row = one(tx, own, "chunk", chunk_id)
    same = ("document_id", "version", "generation", "passage")
    which = ["id"] if row.passage is None else same
    changed = update(table).filter_by(**{name: getattr(row, name) for name in which})
    tx.execute(changed.values(enabled=enabled))
    return _chunk(one(tx, own, "chunk", chunk_id))


def of_versions(tx: Transaction, versions: Mapping[tuple[str, int], int]) -> list[tuple[str, str]]:
    """(chunk id, index_text) of some document versions: (document id, version) → generation."""
    columns = (table.c.document_id, table.c.version, table.c.generation)
    query = select(table.c.id, table.c.index_text, *columns)
    query = query.where(dialect.among(table.c.document_id, {name for name, _ in versions}))
    return [
        (row.id, row.index_text)
        for row in tx.execute(query.order_by(table.c.document_id, table.c.position))
        if versions.get((row.document_id, row.version)) == row.generation
    ]


def live_of_dataset(
    tx: Transaction, dataset_id: str, generation: int | None = None
) -> Iterator[tuple[str, str]]:
    """(chunk id, index_text) of what the indexes of a generation, or the live one, should hold."""
    query = _of_generation(select(table.c.id, table.c.index_text), dataset_id, generation)
    query = query.execution_options(yield_per=READ_AT_ONCE)
    for row in tx.execute(query.order_by(table.c.document_id, table.c.position)):
        yield row.id, row.index_text


def live_ids(tx: Transaction, dataset_id: str, generation: int | None = None) -> set[str]:
    """The ids that the indexes of a generation, else the live one, should hold."""
    return set(tx.execute(_of_generation(select(table.c.id), dataset_id, generation)).scalars())


def count(tx: Transaction) -> int:
    """All chunks, live or not."""
    return tx.execute(select(func.count()).select_from(table)).scalar_one()


def _is_wanted(row: Row[Any], scope: Scope, generations: Generations | None) -> bool:
    if not scope.sees_dataset(row.dataset_id):
        return False
    wanted = row.live_generation if generations is None else generations.get(row.dataset_id)
    return bool(row.generation == wanted)


def _of_live_versions(query: Select[Any]) -> Select[Any]:
    """Of the versions that answer, in whatever generation."""
    owner, dataset = schema.documents, schema.datasets
    return (
        query.join_from(table, owner, table.c.document_id == owner.c.id)
        .join(dataset, owner.c.dataset_id == dataset.c.id)
        .where(table.c.version == owner.c.live_version)
    )


def _of_generation(query: Select[Any], dataset_id: str, generation: int | None) -> Select[Any]:
    wanted = schema.datasets.c.generation if generation is None else generation
    own = schema.documents.c.dataset_id == dataset_id
    return _of_live_versions(query).where(own, table.c.generation == wanted)


def _answering(query: Select[Any]) -> Select[Any]:
    own = schema.documents.c.workspace == bindparam("workspace"), table.c.enabled.is_not(False)
    return _of_live_versions(query).where(*own, visibility.ANSWERS)


def with_passage(query: Select[Any]) -> Select[Any]:
    """A query of chunks with the passage of each, where it has one."""
    return query.outerjoin(
        passages,
        and_(
            passages.c.document_id == table.c.document_id,
            passages.c.version == table.c.version,
            passages.c.generation == table.c.generation,
            passages.c.position == table.c.passage,
        ),
    )


# Made once: making a statement takes longer than running it. A scope's datasets are looked at
# afterwards, because the ids asked for come from datasets that the caller may see.
_LIVE_GENERATION = schema.datasets.c.generation.label("live_generation")
_NAMES = (
    schema.documents.c.dataset_id,
    schema.documents.c.name.label("document_name"),
    schema.documents.c.file_id,
    schema.documents.c.labels,
)
_CHOSEN = dialect.among(table.c.id, bindparam("ids", type_=JSON))
_PASSAGE = (
    passages.c.spans.label("passage_spans"),
    passages.c.text.label("passage_text"),
    passages.c.index_text.label("passage_index_text"),
)
_SHOWN = (table, *_NAMES, schema.documents.c.metadata, _LIVE_GENERATION, *_PASSAGE)
_LIVE = with_passage(_answering(select(*_SHOWN))).where(_CHOSEN)
_CANDIDATES = (
    _answering(
        select(
            table.c.id,
            table.c.document_id,
            table.c.passage,
            table.c.generation,
            table.c.text_hash,
            schema.documents.c.dataset_id,
            func.substr(table.c.text, 1, bindparam("characters")).label("beginning"),
            schema.embeddings.c.vector,
        )
    )
    .outerjoin(
        schema.embeddings,
        and_(
            schema.embeddings.c.text_hash == table.c.text_hash,
            schema.embeddings.c.embedder == bindparam("embedder"),
        ),
    )
    .where(or_(_CHOSEN, dialect.among_bytes(table.c.text_hash, "hashes")))
)


def _live_query(scope: Scope) -> Select[Any]:
    owner = schema.documents
    query = with_passage(_of_live_versions(select(*_SHOWN)))
    query = query.where(table.c.generation == schema.datasets.c.generation)
    query = query.where(owner.c.workspace == scope.workspace, visibility.is_seen(scope))
    return query if scope.datasets is None else query.where(owner.c.dataset_id.in_(scope.datasets))


def _chunk(row: Row[Any]) -> Chunk:
    passage = Passage(row.passage_spans, row.passage_text, row.passage_index_text)
    parent = None if row.passage_spans is None else passage
    return of_row(Chunk, row, index=row.position, parent=parent)
