"""Vectors by what was embedded: a text is never embedded twice by the same embedder.

Stored as little-endian float32, one row per (hash of index_text, embedder).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
from sqlalchemy import delete, func, select

from kb.iteration import batched
from kb.protocols import Vectors
from kb.store.engine import dialect, schema
from kb.store.engine.database import VARIABLES, Database, Transaction

table = schema.embeddings


def text_hash(index_text: str) -> bytes:
    """128 bits of BLAKE2b: the name of a text among embeddings."""
    return hashlib.blake2b(index_text.encode(), digest_size=16).digest()


def known(tx: Transaction, embedder: str, hashes: Iterable[bytes]) -> set[bytes]:
    """Those of the hashes that have a vector."""
    found: set[bytes] = set()
    for part in batched(set(hashes), VARIABLES):
        query = select(table.c.text_hash).where(
            table.c.embedder == embedder, table.c.text_hash.in_(part)
        )
        found.update(tx.execute(query).scalars())
    return found


def put(
    tx: Transaction, embedder: str, hashes: Sequence[bytes], vectors: Vectors, *, owner: str
) -> None:
    """Store vectors; those that exist stay as they are.

    Args:
        owner: the id of the process whose work they are until a chunk has their text.
    """
    fixed = {"embedder": embedder, "owner": owner}
    rows = [
        {"text_hash": name, "vector": row.astype("<f4").tobytes(), **fixed}
        for name, row in zip(hashes, vectors, strict=True)
    ]
    rows.sort(key=lambda row: row["text_hash"])  # in one order: processes that meet wait, once
    dialect.upsert(tx, table, rows)


def of_chunks(tx: Transaction, embedder: str, chunk_ids: Iterable[str]) -> dict[str, Vectors]:
    """Chunk id → vector, shape (dimensions,), for the chunks that have one."""
    chunks = schema.chunks
    query = (
        select(chunks.c.id, table.c.vector)
        .join_from(chunks, table, chunks.c.text_hash == table.c.text_hash)
        .where(table.c.embedder == embedder, dialect.among(chunks.c.id, chunk_ids))
    )
    return {row.id: np.frombuffer(row.vector, "<f4") for row in tx.execute(query)}


def of_texts(tx: Transaction, embedder: str, names: Iterable[str]) -> dict[str, Vectors]:
    """Name of a text → vector, shape (dimensions,), for the texts that have one."""
    own = select(table.c.text_hash, table.c.vector).where(table.c.embedder == embedder)
    return {
        row.text_hash.hex(): np.frombuffer(row.vector, "<f4")
        for part in batched(names, VARIABLES)
        for row in tx.execute(own.where(table.c.text_hash.in_([bytes.fromhex(n) for n in part])))
    }


def stack(found: Mapping[str, Vectors], names: Sequence[str]) -> Vectors:
    """Some of the vectors as one array, in that order."""
    return np.stack([found[name] for name in names]).astype(np.float32, copy=False)


def collect_unused(tx: Transaction, hashes: Iterable[bytes]) -> None:
    """Delete those of the vectors that no chunk needs any more."""
    used = select(schema.chunks.c.text_hash).where(schema.chunks.c.text_hash == table.c.text_hash)
    for part in batched(set(hashes), VARIABLES):
        tx.execute(delete(table).where(table.c.text_hash.in_(part), ~used.exists()))


def collect_left(database: Database, living: Collection[str]) -> int:
    """Delete the vectors without a chunk that dead processes have left; returns how many.

    They are found while others write, and looked at once more when they go.
    """
    used = select(schema.chunks.c.text_hash).where(schema.chunks.c.text_hash == table.c.text_hash)
    is_left = (table.c.owner.is_(None) | table.c.owner.not_in(living)) & ~used.exists()
    with database.read() as tx:
        found = tx.execute(select(table.c.id).where(is_left)).scalars().all()
    number = 0
    for part in batched(found, VARIABLES):
        with database.write() as tx:
            number += tx.execute(delete(table).where(table.c.id.in_(part), is_left)).rowcount
    return number


def count(tx: Transaction) -> int:
    """Vectors stored."""
    return tx.execute(select(func.count()).select_from(table)).scalar_one()
