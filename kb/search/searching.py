"""One search: candidates from both indexes, what SQL says is live, one ranking.

An index may be behind or hold ghosts; so each candidate counts only if its chunk is live in SQL,
and the search looks deeper when dead ones have taken places.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace

import numpy as np

from kb.errors import EmbedderMismatch, Overloaded
from kb.protocols import Embedder, IndexKey, KeywordIndex, Scored, VectorIndex, Vectors
from kb.search.fusion import Fused, fuse
from kb.store import chunks, datasets, filters
from kb.store.chunks import Candidate, LiveChunk
from kb.store.database import Database
from kb.store.filters import Matching
from kb.types import Condition, Dataset, Hit, Retrieval, Scope

DEEPEST = 1024
"""How many times the usual depth is looked at before giving up on a mostly dead index. Only the
searches between a large deletion and its application to the indexes ever look that deep."""

FEW = 16

SAMPLED_TEXTS = 4
SAMPLED_CHARACTERS = 240


@dataclass(frozen=True, slots=True)
class _Candidates:
    vector: list[Scored]
    keyword: list[Scored]
    live: Mapping[str, Candidate]


@dataclass(frozen=True, slots=True)
class _Look:
    """One search: who asks for what where. `allowed` is what a filter lets through, if any."""

    scope: Scope
    wanted: Sequence[Dataset]
    query: str
    vector: Vectors | None
    retrieval: Retrieval
    allowed: Matching | None


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
        self,
        scope: Scope,
        dataset_ids: Sequence[str],
        query: str,
        retrieval: Retrieval,
        *,
        where: Sequence[Condition] = (),
    ) -> list[Hit]:
        """The best live chunks for a question, best first; `why` on each says how it was ranked.

        Args:
            where: conditions that the documents must fulfil.

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
        if not wanted or not query.strip() or retrieval.top_k < 1:
            return []
        with self._admission():
            return self._search(scope, wanted, query, retrieval, where)

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
        self,
        scope: Scope,
        wanted: Sequence[Dataset],
        query: str,
        retrieval: Retrieval,
        where: Sequence[Condition],
    ) -> list[Hit]:
        vector = self._embedder.embed_query(query) if retrieval.mode != "keyword" else None
        allowed = self._allowed(scope, wanted, where) if where else None
        look = _Look(scope, wanted, query, vector, retrieval, allowed)
        found = self._live_candidates(look)
        cosine = _cosines(vector, found.live)
        coverage = self._coverage(query, found) if retrieval.mode == "hybrid" else 1.0
        ranked = fuse(found.vector, found.keyword, coverage=coverage, cosine=cosine)
        good = [item for item in ranked if item.score >= retrieval.min_score]
        return self._hits(scope, _one_per_passage(good, found.live)[: retrieval.top_k])

    def _hits(self, scope: Scope, ranked: Sequence[Fused]) -> list[Hit]:
        ids = [item.chunk_id for item in ranked]
        live = self._database.reading(chunks.live, scope, ids)
        return [_hit(item, live[item.chunk_id]) for item in ranked if item.chunk_id in live]

    def _allowed(
        self, scope: Scope, wanted: Sequence[Dataset], where: Sequence[Condition]
    ) -> Matching:
        ids = [dataset.id for dataset in wanted]
        return self._database.reading(filters.matching, scope, ids, where)

    def _live_candidates(self, look: _Look) -> _Candidates:
        depth = max(self._candidates, look.retrieval.top_k)
        limit = depth
        if look.allowed is not None and not look.allowed.document_ids:
            return _Candidates([], [], {})
        exact = self._exactly_nearest(look, depth)
        while True:
            near = self._nearest(look.wanted, look.vector, limit) if exact is None else exact
            is_matched = look.retrieval.mode != "vector"
            matched = self._matching(look.wanted, look.query, limit) if is_matched else []
            found = (item.chunk_id for ranking in (*near, *matched) for item in ranking)
            ids = dict.fromkeys(filter(look.allowed.holds, found) if look.allowed else found)
            live = self._database.reading(
                chunks.candidates,
                look.scope,
                ids,
                embedder=self._embedder.fingerprint,
                characters=SAMPLED_CHARACTERS,
            )
            starved = any(_is_starved(ranking, live, limit, depth) for ranking in (*near, *matched))
            if not starved or limit >= depth * DEEPEST:
                return _Candidates(
                    _living(near, live)[:depth], _living(matched, live)[:depth], live
                )
            limit *= 4

    def _exactly_nearest(self, look: _Look, limit: int) -> list[list[Scored]] | None:
        """All vectors compared, where a filter lets so little through that an index would starve.

        The index is asked for more and more until enough of it passes the filter; below one chunk
        in `FEW` that takes longer than reading the vectors of all that pass.
        """
        allowed, vector = look.allowed, look.vector
        if allowed is None or vector is None or allowed.chunks * FEW >= allowed.all_chunks:
            return None
        embedder, ids = self._embedder.fingerprint, allowed.document_ids
        return [self._database.reading(filters.nearest, embedder, ids, vector, limit)]

    def _nearest(
        self, wanted: Sequence[Dataset], vector: Vectors | None, limit: int
    ) -> list[list[Scored]]:
        if vector is None:
            return []
        return [self._vectors.query(_key(dataset), vector, limit) for dataset in wanted]

    def _matching(self, wanted: Sequence[Dataset], query: str, limit: int) -> list[list[Scored]]:
        return [self._keywords.query(_key(dataset), query, limit) for dataset in wanted]

    def _coverage(self, query: str, found: _Candidates) -> float:
        """The weaker of how well the embedder knows the question and the texts that were found."""
        best = [*found.keyword[:SAMPLED_TEXTS], *found.vector[:SAMPLED_TEXTS]]
        known = {
            chunk_id: self._embedder.coverage(found.live[chunk_id].beginning)
            for chunk_id in {item.chunk_id for item in best}
        }
        of_texts = sum(known[item.chunk_id] for item in best) / len(best) if best else 1.0
        return min(self._embedder.coverage(query), of_texts)


def _key(dataset: Dataset) -> IndexKey:
    return IndexKey(dataset.id, dataset.generation)


def _living(rankings: Sequence[list[Scored]], live: Mapping[str, Candidate]) -> list[Scored]:
    """One ranking of what is live in the rankings of several datasets."""
    merged = [item for ranking in rankings for item in ranking if item.chunk_id in live]
    return sorted(merged, key=lambda item: (-item.score, item.chunk_id))


def _cosines(vector: Vectors | None, live: Mapping[str, Candidate]) -> dict[str, float]:
    """The exact similarity of every candidate, also of those that only keywords found."""
    stored = {i: item.vector for i, item in live.items() if item.vector is not None}
    if vector is None or not stored:
        return {}
    scores = np.stack(list(stored.values())) @ vector[0]
    return dict(zip(stored, scores.tolist(), strict=True))


def _is_starved(
    ranking: Sequence[Scored], live: Mapping[str, Candidate], limit: int, depth: int
) -> bool:
    """Whether dead chunks of one dataset may have taken the places of living ones."""
    return len(ranking) >= limit and sum(item.chunk_id in live for item in ranking) < depth


def _one_per_passage(ranked: Sequence[Fused], live: Mapping[str, Candidate]) -> list[Fused]:
    """The best chunk of each passage: its siblings would return the same text again."""
    best: dict[str | tuple[str, int], Fused] = {}
    for item in ranked:
        best.setdefault(live[item.chunk_id].passage or item.chunk_id, item)
    return list(best.values())


def _hit(item: Fused, found: LiveChunk) -> Hit:
    """A hit with the text that is to be read: the parent's if the chunk has one."""
    chunk, why = found.chunk, item.why
    if (parent := chunk.parent) is not None:
        why = {**why, "matched": [asdict(span) for span in chunk.spans]}
        chunk = replace(
            chunk, spans=parent.spans, text=parent.text, index_text=parent.index_text, parent=None
        )
    return Hit(chunk, found.dataset_id, found.document_name, item.score, why)
