"""Nearest vectors without an index: every live vector of a dataset is compared, straight from SQL.

Always right, and fast enough to bridge a rebuild: 100,000 vectors take part of a second.
"""

from __future__ import annotations

import numpy as np

from kb.protocols import IndexKey, Scored, Vectors
from kb.store.content import chunks
from kb.store.engine.database import Database


class ExactVectors:
    """Answers like `VectorIndex.query`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def query(self, key: IndexKey, vector: Vectors, limit: int) -> list[Scored]:
        """The nearest live chunks of a (1, dimensions) vector, best first, score = cosine."""
        best: list[Scored] = []
        if limit < 1:
            return best
        with self._database.read() as tx:
            for ids, vectors in chunks.live_vectors(tx, key.dataset_id, key.generation):
                scores = vectors @ vector[0]
                nearest = np.argsort(-scores)[:limit]
                best += [Scored(ids[row], float(scores[row])) for row in nearest]
                best = sorted(best, key=lambda item: (-item.score, item.chunk_id))[:limit]
        return best
