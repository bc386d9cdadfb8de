"""Candidates for a question: the best of both indexes that SQL says are live.

An index may be behind or hold ghosts; so each candidate counts only if its chunk is live in SQL,
and the search looks deeper when dead ones have taken places. The vector index has one row per text,
and SQL says which chunks have it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from kb.protocols import (
    Embedder,
    Frequencies,
    IndexKey,
    KeywordSearch,
    Scored,
    Vectors,
    VectorSearch,
)
from kb.store.content import chunks, filters, texts
from kb.store.content.chunks import Candidate
from kb.store.content.filters import Matching
from kb.store.engine.database import Database
from kb.types import Dataset, Retrieval, Scope

DEEPEST = 1024
"""How many times the usual depth is looked at before giving up on a mostly dead index. Only the
searches between a large deletion and its application to the indexes ever look that deep."""

FEW = 16
"""A filter that lets through fewer than one chunk in so many is searched without an index."""

SAMPLED_TEXTS = 4
SAMPLED_CHARACTERS = 120


Near = tuple[str, list[Scored]]
"""A dataset's id, and the nearest texts in it."""


@dataclass(frozen=True, slots=True)
class Query:
    """One search: who asks for what where. `allowed` is what a filter lets through, if any.

    All the datasets have one embedder; without a vector it is not asked and None. `plain` is the
    vector of the text as it is, `vector` the one that is searched.
    """

    scope: Scope
    datasets: Sequence[Dataset]
    text: str
    embedder: Embedder | None
    vector: Vectors | None
    retrieval: Retrieval
    allowed: Matching | None
    plain: Vectors | None = None

    @property
    def generations(self) -> Mapping[str, int]:
        """What is searched of each dataset, to the end of the search, whatever is switched."""
        return {dataset.id: dataset.generation for dataset in self.datasets}


@dataclass(frozen=True, slots=True)
class Candidates:
    """The best of each index that are live, best first, and what ranking needs of them."""

    vector: list[Scored]
    keyword: list[Scored]
    live: Mapping[str, Candidate]
    frequencies: Frequencies


class CandidateFinder:
    """Looks a question up in both indexes at once. Thread-safe.

    The vector index computes outside the interpreter's lock, so keywords cost no time beside it.

    Args:
        depth: how many candidates it takes from each.
        threads: how many searches may look at the same time.
    """

    def __init__(
        self,
        database: Database,
        vectors: VectorSearch,
        keywords: KeywordSearch,
        *,
        depth: int,
        threads: int,
    ) -> None:
        self._beside = ThreadPoolExecutor(threads, thread_name_prefix="keywords")
        self._database = database
        self._vectors = vectors
        self._keywords = keywords
        self._depth = depth

    def find(self, query: Query) -> Candidates:
        """The candidates of one question."""
        depth = max(self._depth, query.retrieval.top_k)
        limit = depth
        if query.allowed is not None and not query.allowed.document_ids:
            return Candidates([], [], {}, Frequencies())
        exact = self._exactly_nearest(query, depth)
        while True:
            matching = self._beside.submit(self._matched, query, limit)
            near = self._nearest(query, limit) if exact is None else exact
            having = self._live(query, texts=[row.chunk_id for _, rows in near for row in rows])
            matched, live, frequencies = matching.result()
            live |= having
            if query.allowed is not None:
                live = {i: item for i, item in live.items() if query.allowed.holds(i)}
            by_vector = _with_texts(near, live)
            by_keyword = [[row for row in rows if row.chunk_id in live] for rows in matched]
            rows_found = [*(rows for _, rows in near), *matched]
            # Dead rows of one dataset may have taken the places of living ones.
            starved = any(
                len(rows) >= limit and len(living) < depth
                for rows, living in zip(rows_found, [*by_vector, *by_keyword], strict=True)
            )
            if not starved or limit >= depth * DEEPEST:
                best = _best(by_vector)[:depth], _best(by_keyword)[:depth]
                return Candidates(*best, live, frequencies)
            if query.allowed is None:  # what is hidden or switched off may be most of a dataset
                ids = list(query.generations)
                answering = self._database.reading(filters.matching, query.scope, ids, ())
                query = replace(query, allowed=answering)
                exact = self._exactly_nearest(query, depth)
            limit *= 4

    def _exactly_nearest(self, query: Query, limit: int) -> list[Near] | None:
        """All vectors compared, where a filter lets so little through that an index would starve.

        The index is asked for more and more until enough of it passes the filter; below one chunk
        in `FEW` that takes longer than reading the vectors of all that pass.
        """
        allowed, vector = query.allowed, query.vector
        if allowed is None or vector is None or allowed.chunks * FEW >= allowed.all_chunks:
            return None
        asked = (vector, limit, allowed.document_ids)
        return [
            (dataset.id, self._database.reading(texts.nearest, _key(dataset), *asked))
            for dataset in query.datasets
        ]

    def _nearest(self, query: Query, limit: int) -> list[Near]:
        if query.vector is None:
            return []
        return [
            (dataset.id, self._vectors.query(_key(dataset), query.vector, limit))
            for dataset in query.datasets
        ]

    def _matched(
        self, query: Query, limit: int
    ) -> tuple[list[list[Scored]], dict[str, Candidate], Frequencies]:
        """What the keywords find, and what ranking needs of it."""
        if query.retrieval.mode == "vector":
            return [], {}, Frequencies()
        found = [self._keywords.query(_key(d), query.text, limit) for d in query.datasets]
        live = self._live(query, chunk_ids=[row.chunk_id for rows in found for row in rows])
        return found, live, self.frequencies(query.datasets, query.text, query.retrieval)

    def _live(
        self, query: Query, *, chunk_ids: Sequence[str] = (), texts: Sequence[str] = ()
    ) -> dict[str, Candidate]:
        return self._database.asking(
            chunks.candidates,
            query.scope,
            chunk_ids=chunk_ids,
            texts=texts,
            generations=query.generations,
            embedder=query.datasets[0].embedder,
            characters=SAMPLED_CHARACTERS,
        )

    def frequencies(
        self, datasets: Sequence[Dataset], text: str, retrieval: Retrieval
    ) -> Frequencies:
        """How common the terms of a text are in all the datasets together."""
        if retrieval.mode == "vector":
            return Frequencies()
        found = [self._keywords.frequencies(_key(dataset), text) for dataset in datasets]
        holding: Counter[str] = Counter()
        for part in found:
            holding.update(part.holding)
        return Frequencies(sum(part.chunks for part in found), holding)


def coverage(query: Query, found: Candidates) -> float:
    """The weaker of how well the embedder knows the question and the texts that were found."""
    if (embedder := query.embedder) is None:
        return 1.0
    best = [*found.keyword[:SAMPLED_TEXTS], *found.vector[:SAMPLED_TEXTS]]
    known = {
        chunk_id: embedder.coverage(found.live[chunk_id].beginning)
        for chunk_id in {item.chunk_id for item in best}
    }
    of_texts = sum(known[item.chunk_id] for item in best) / len(best) if best else 1.0
    return min(embedder.coverage(query.text), of_texts)


def cosines(vector: Vectors | None, live: Mapping[str, Candidate]) -> dict[str, float]:
    """The exact similarity of every candidate, also of those that only keywords found."""
    stored = {i: item.vector for i, item in live.items() if item.vector is not None}
    if vector is None or not stored:
        return {}
    scores = np.stack(list(stored.values())) @ vector[0]
    return dict(zip(stored, scores.tolist(), strict=True))


def _key(dataset: Dataset) -> IndexKey:
    return IndexKey(dataset.id, dataset.generation)


def _with_texts(near: Sequence[Near], live: Mapping[str, Candidate]) -> list[list[Scored]]:
    """The live chunks that have the texts of each ranking."""
    having: dict[tuple[str, str], list[str]] = {}
    for chunk_id in sorted(live):
        item = live[chunk_id]
        having.setdefault((item.dataset_id, item.text), []).append(chunk_id)
    return [
        [
            Scored(chunk_id, row.score)
            for row in rows
            for chunk_id in having.get((dataset_id, row.chunk_id), ())
        ]
        for dataset_id, rows in near
    ]


def _best(rankings: Sequence[Sequence[Scored]]) -> list[Scored]:
    """One ranking of those of several datasets."""
    merged = [item for ranking in rankings for item in ranking]
    return sorted(merged, key=lambda item: (-item.score, item.chunk_id))
