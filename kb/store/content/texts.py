"""Texts of chunks, by name: the vector index has one row per text, however many chunks have it.

Thousands of equal vectors make a nearest-neighbour graph fall apart (decision 0011), so the index
knows texts, and here is which chunks have them. A name is the hash of a text, in hexadecimal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Select, and_, bindparam, func, select

from kb.iteration import batched
from kb.protocols import IndexKey, Scored, Vectors
from kb.store.engine import dialect, schema
from kb.store.engine.database import VARIABLES, Transaction

chunks, documents = schema.chunks, schema.documents

HASH_BYTES = 16
VECTORS_AT_ONCE = 4000


def split_names(hashes: bytes) -> list[str]:
    """The names of hashes that were put one behind the other."""
    return [hashes[at : at + HASH_BYTES].hex() for at in range(0, len(hashes), HASH_BYTES)]


def of_version(tx: Transaction, document_id: str, version: int, generation: int) -> bytes:
    """The hashes of a version's texts, each once, one behind the other."""
    query = select(chunks.c.text_hash).distinct()
    own = {"document_id": document_id, "version": version, "generation": generation}
    return b"".join(tx.execute(query.filter_by(**own)).scalars())


def of_chunks(tx: Transaction, chunk_ids: Iterable[str]) -> dict[str, str]:
    """Chunk id → name of its text."""
    query = select(chunks.c.id, chunks.c.text_hash).where(dialect.among(chunks.c.id, chunk_ids))
    return {row.id: row.text_hash.hex() for row in tx.execute(query)}


def with_chunks(tx: Transaction, key: IndexKey, names: Iterable[str]) -> set[str]:
    """Those of the texts that a stored chunk of the generation has, live or not yet."""
    rows = [
        row
        for part in batched(hashes(names), VARIABLES)
        for row in tx.execute(_STORED, {"hashes": part, "generation": key.generation})
    ]
    return {row.text_hash.hex() for row in rows if row.dataset_id == key.dataset_id}


def live(tx: Transaction, key: IndexKey) -> set[str]:
    """The texts that an index should hold."""
    query = _of(key, select(chunks.c.text_hash).distinct())
    return {found.hex() for found in tx.execute(query.where(_IS_LIVE)).scalars()}


def count_live(tx: Transaction, key: IndexKey) -> int:
    """How many texts an index should hold."""
    query = _of(key, select(func.count(chunks.c.text_hash.distinct())))
    return int(tx.execute(query.where(_IS_LIVE)).scalar_one())


def nearest(
    tx: Transaction,
    key: IndexKey,
    vector: Vectors,
    limit: int,
    document_ids: Iterable[str] | None = None,
) -> list[Scored]:
    """The live texts, of some documents or of all, that are closest to a (1, dimensions) vector,
    best first, score = cosine.

    All are compared: always right, and fast enough to bridge a rebuild, for 100,000 take part of a
    second.
    """
    generations, embeddings = schema.generations, schema.embeddings
    embedder = select(generations.c.embedder).where(
        generations.c.dataset_id == key.dataset_id,
        generations.c.number == key.generation,
        generations.c.removed_at.is_(None),
    )
    wanted = _of(key, select(chunks.c.text_hash)).where(_IS_LIVE)
    if document_ids is not None:
        wanted = wanted.where(dialect.among(documents.c.id, document_ids))
    query = select(embeddings.c.text_hash, embeddings.c.vector).where(
        embeddings.c.embedder == embedder.scalar_subquery(), embeddings.c.text_hash.in_(wanted)
    )
    best: list[Scored] = []
    query = query.execution_options(yield_per=VECTORS_AT_ONCE)
    for rows in tx.execute(query).partitions():
        best = _closest(rows, vector, limit, best)
    return best


def _closest(
    rows: Sequence[Any], vector: Vectors, limit: int, before: Sequence[Scored]
) -> list[Scored]:
    stored = np.frombuffer(b"".join(row.vector for row in rows), "<f4").reshape(len(rows), -1)
    scores = stored @ vector[0]
    chosen = np.argsort(-scores)[: max(limit, 0)]
    best = {row.chunk_id: row for row in before}
    best |= {
        name: Scored(name, float(scores[n])) for n in chosen if (name := rows[n].text_hash.hex())
    }
    return sorted(best.values(), key=lambda item: (-item.score, item.chunk_id))[: max(limit, 0)]


_IS_LIVE = chunks.c.version == documents.c.live_version

# Made once, see `chunks.py`. The dataset is looked at afterwards: asked to compare it,
# SQLite goes through all chunks of the dataset instead of looking the texts up.
_STORED = (
    select(chunks.c.text_hash, chunks.c.id, documents.c.dataset_id)
    .join_from(chunks, documents, chunks.c.document_id == documents.c.id)
    .where(dialect.among_bytes(chunks.c.text_hash, "hashes"))
    .where(chunks.c.generation == bindparam("generation"))
)


def _of(key: IndexKey, query: Select[Any]) -> Select[Any]:
    own = and_(chunks.c.document_id == documents.c.id, documents.c.dataset_id == key.dataset_id)
    return query.join_from(chunks, documents, own).where(chunks.c.generation == key.generation)


def hashes(names: Iterable[str]) -> list[bytes]:
    """The hashes of some names; an index may hold rows that were never a text, which have none."""
    return [bytes.fromhex(name) for name in names if _is_name(name)]


def _is_name(name: str) -> bool:
    return len(name) == 2 * HASH_BYTES and set(name) <= set("0123456789abcdef")
