"""One search: candidates from both indexes, what SQL says is live, one ranking.

An index may be behind or hold ghosts; so each candidate counts only if its chunk is live in SQL,
and the search looks deeper when dead ones have taken places.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from kb.errors import EmbedderMismatch, Overloaded
from kb.protocols import Embedder, IndexKey, KeywordIndex, Scored, VectorIndex, Vectors
from kb.search.fusion import Fused, fuse
from kb.store import chunks, datasets, embeddings
from kb.store.chunks import LiveChunk
from kb.store.database import Database
from kb.types import Dataset, Hit, Retrieval, Scope

DEEPEST = 16
"""How many times the usual depth is looked at before giving up on a mostly dead index."""

SAMPLED_TEXTS = 4
SAMPLED_CHARACTERS = 240


@dataclass(frozen=True, slots=True)
class _Candidates:
    vector: list[Scored]
    keyword: list[Scored]
    live: Mapping[str, LiveChunk]


class Searcher:
    """Searches datasets. Thread-safe; at most `threads` searches run, `max_waiting` wait."""

    def __init__(
        self,
        database: Database,
        embedder: Embedder,
        vectors: VectorIndex,
        keywords: KeywordIndex,
        *,
        candidates: int,
        threads: int,
        max_waiting: int,
    ) -> None:
        self._database = database
        self._embedder = embedder
        self._vectors = vectors
        self._keywords = keywords
        self._candidates = candidates
        self._running = threading.BoundedSemaphore(threads)
        self._admitted = threading.BoundedSemaphore(threads + max_waiting)

    def search(
        self, scope: Scope, dataset_ids: Sequence[str], query: str, retrieval: Retrieval
    ) -> list[Hit]:
        """The best live chunks for a question, best first; `why` on each says how it was ranked.

        Raises:
            NotFound: a dataset is absent or not visible.
            EmbedderMismatch: a dataset was built with another embedder.
            Overloaded: too many searches are waiting.
        """
        with self._database.read() as tx:
            wanted = [
                datasets.get(tx, scope, dataset_id) for dataset_id in dict.fromkeys(dataset_ids)
            ]
        if retrieval.mode != "keyword":
            self._check_embedder(wanted)
        if not wanted or not query.strip():
            return []
        with self._admission():
            return self._search(scope, wanted, query, retrieval)

    @contextmanager
    def _admission(self) -> Iterator[None]:
        if not self._admitted.acquire(blocking=False):
            raise Overloaded("Too many searches are waiting. Try again in a moment.")
        try:
            with self._running:
                yield
        finally:
            self._admitted.release()

    def _check_embedder(self, wanted: Sequence[Dataset]) -> None:
        for dataset in wanted:
            if dataset.embedder != self._embedder.fingerprint:
                raise EmbedderMismatch(dataset.name, dataset.embedder, self._embedder.fingerprint)

    def _search(
        self, scope: Scope, wanted: Sequence[Dataset], query: str, retrieval: Retrieval
    ) -> list[Hit]:
        vector = self._embedder.embed_query(query) if retrieval.mode != "keyword" else None
        found = self._live_candidates(scope, wanted, query, vector, retrieval)
        cosine = self._cosines(vector, found.live)
        coverage = self._coverage(query, found) if retrieval.mode == "hybrid" else 1.0
        ranked = fuse(found.vector, found.keyword, coverage=coverage, cosine=cosine)
        good = [item for item in ranked if item.score >= retrieval.min_score]
        return [_hit(item, found.live[item.chunk_id]) for item in good[: retrieval.top_k]]

    def _live_candidates(
        self,
        scope: Scope,
        wanted: Sequence[Dataset],
        query: str,
        vector: Vectors | None,
        retrieval: Retrieval,
    ) -> _Candidates:
        depth = max(self._candidates, retrieval.top_k)
        limit = depth
        while True:
            near = self._nearest(wanted, vector, limit)
            matched = self._matching(wanted, query, limit) if retrieval.mode != "vector" else []
            ids = dict.fromkeys(item.chunk_id for item in (*near, *matched))
            live = self._database.reading(chunks.live, scope, ids)
            found = _Candidates(_living(near, live)[:depth], _living(matched, live)[:depth], live)
            starved = _is_starved(near, found.vector, limit, depth) or _is_starved(
                matched, found.keyword, limit, depth
            )
            if not starved or limit >= depth * DEEPEST:
                return found
            limit *= 4

    def _nearest(
        self, wanted: Sequence[Dataset], vector: Vectors | None, limit: int
    ) -> list[Scored]:
        if vector is None:
            return []
        return _merged(self._vectors.query(_key(dataset), vector, limit) for dataset in wanted)

    def _matching(self, wanted: Sequence[Dataset], query: str, limit: int) -> list[Scored]:
        return _merged(self._keywords.query(_key(dataset), query, limit) for dataset in wanted)

    def _cosines(self, vector: Vectors | None, live: Mapping[str, LiveChunk]) -> dict[str, float]:
        """The exact similarity of every candidate, also of those that only keywords found."""
        if vector is None or not live:
            return {}
        found = self._database.reading(embeddings.of_chunks, self._embedder.fingerprint, list(live))
        if not found:
            return {}
        ids = list(found)
        scores = np.stack([found[chunk_id] for chunk_id in ids]) @ vector[0]
        return dict(zip(ids, map(float, scores), strict=True))

    def _coverage(self, query: str, found: _Candidates) -> float:
        """The weaker of how well the embedder knows the question and the texts that were found."""
        best = [*found.keyword[:SAMPLED_TEXTS], *found.vector[:SAMPLED_TEXTS]]
        texts = [found.live[item.chunk_id].chunk.text[:SAMPLED_CHARACTERS] for item in best]
        known = [self._embedder.coverage(text) for text in texts]
        of_texts = sum(known) / len(known) if known else 1.0
        return min(self._embedder.coverage(query), of_texts)


def _key(dataset: Dataset) -> IndexKey:
    return IndexKey(dataset.id, dataset.generation)


def _merged(rankings: Iterator[list[Scored]] | Sequence[list[Scored]]) -> list[Scored]:
    merged = [item for ranking in rankings for item in ranking]
    return sorted(merged, key=lambda item: (-item.score, item.chunk_id))


def _living(ranking: Sequence[Scored], live: Mapping[str, LiveChunk]) -> list[Scored]:
    return [item for item in ranking if item.chunk_id in live]


def _is_starved(
    ranking: Sequence[Scored], living: Sequence[Scored], limit: int, depth: int
) -> bool:
    return len(living) < depth and len(ranking) >= limit and len(living) < len(ranking)


def _hit(item: Fused, found: LiveChunk) -> Hit:
    return Hit(found.chunk, found.dataset_id, found.document_name, item.score, item.why)
