"""Nearest chunks from an index that has one row per text.

Equal texts have equal vectors, and a thousand equal vectors in a graph hide each other and their
neighbours. So the index beneath holds each text once, and SQL says which live chunks have it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from kb.protocols import IndexKey, Scored, VectorIndex, Vectors
from kb.store.content import texts
from kb.store.engine.database import Database

DEEPEST = 1024
"""How many times as many texts as chunks wanted are looked at: only where most of the nearest lost
their chunks and the index has not been told yet."""


class ChunksByText:
    """Answers like `VectorIndex.query`, in chunks."""

    def __init__(self, index: VectorIndex, database: Database) -> None:
        """`index` has rows named by `kb.store.content.texts`."""
        self._index = index
        self._database = database

    def query(self, key: IndexKey, vector: Vectors, limit: int) -> list[Scored]:
        """The nearest live chunks of a (1, dimensions) vector, best first, score = cosine."""
        depth = limit
        while True:
            rows = self._index.query(key, vector, depth)
            found = list(islice(self._chunks(key, rows), max(0, limit)))
            is_all = len(rows) < depth or depth >= limit * DEEPEST
            if len(found) >= limit or is_all:
                return found
            depth *= 4

    def _chunks(self, key: IndexKey, rows: Sequence[Scored]) -> Iterator[Scored]:
        names = [row.chunk_id for row in rows]
        live = self._database.reading(texts.live_chunks, key, names)
        for row in rows:
            for chunk_id in live.get(row.chunk_id, ()):
                yield Scored(chunk_id, row.score)
