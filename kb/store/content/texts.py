"""Texts of chunks, by name: the vector index has one row per text, however many chunks have it.

Thousands of equal vectors make a nearest-neighbour graph fall apart (decision 0011), so the index
knows texts, and here is which chunks have them. A name is the hash of a text, in hexadecimal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Row, Select, and_, bindparam, select

from kb.iteration import batched
from kb.protocols import IndexKey
from kb.store.engine import schema
from kb.store.engine.database import VARIABLES, Transaction

chunks, documents = schema.chunks, schema.documents

HASH_BYTES = 16


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
    query = select(chunks.c.id, chunks.c.text_hash)
    return {
        row.id: row.text_hash.hex()
        for part in batched(chunk_ids, VARIABLES)
        for row in tx.execute(query.where(chunks.c.id.in_(part)))
    }


def with_chunks(tx: Transaction, key: IndexKey, names: Iterable[str] | None = None) -> set[str]:
    """Those of the texts, else all, that a stored chunk of the generation has, live or not yet."""
    if names is not None:
        return {row.text_hash.hex() for row in _having(tx, key, names, _STORED)}
    query = _of(key, select(chunks.c.text_hash).distinct())
    return {found.hex() for found in tx.execute(query).scalars()}


def live(tx: Transaction, key: IndexKey) -> set[str]:
    """The texts that an index should hold."""
    query = _of(key, select(chunks.c.text_hash).distinct())
    return {found.hex() for found in tx.execute(query.where(_IS_LIVE)).scalars()}


def live_chunks(tx: Transaction, key: IndexKey, names: Iterable[str]) -> dict[str, list[str]]:
    """Name → the live chunks that have the text, in a lasting order."""
    found: dict[str, list[str]] = {}
    for row in _having(tx, key, names, _LIVE):
        found.setdefault(row.text_hash.hex(), []).append(row.id)
    return {name: sorted(ids) for name, ids in found.items()}


_IS_LIVE = chunks.c.version == documents.c.live_version

# Made once, see `chunks.py`. The dataset is looked at afterwards: asked to compare it,
# SQLite goes through all chunks of the dataset instead of looking the texts up.
_STORED = (
    select(chunks.c.text_hash, chunks.c.id, documents.c.dataset_id)
    .join_from(chunks, documents, chunks.c.document_id == documents.c.id)
    .where(chunks.c.text_hash.in_(bindparam("hashes", expanding=True)))
    .where(chunks.c.generation == bindparam("generation"))
)
_LIVE = _STORED.where(_IS_LIVE)


def _having(
    tx: Transaction, key: IndexKey, names: Iterable[str], query: Select[Any]
) -> Iterator[Row[Any]]:
    for part in batched(_hashes(names), VARIABLES):
        rows = tx.execute(query, {"hashes": part, "generation": key.generation}).all()
        yield from (row for row in rows if row.dataset_id == key.dataset_id)


def _of(key: IndexKey, query: Select[Any]) -> Select[Any]:
    own = and_(chunks.c.document_id == documents.c.id, documents.c.dataset_id == key.dataset_id)
    return query.join_from(chunks, documents, own).where(chunks.c.generation == key.generation)


def _hashes(names: Iterable[str]) -> list[bytes]:
    """An index may hold rows that were never a text: they have no chunks."""
    return [bytes.fromhex(name) for name in names if _is_name(name)]


def _is_name(name: str) -> bool:
    return len(name) == 2 * HASH_BYTES and set(name) <= set("0123456789abcdef")
