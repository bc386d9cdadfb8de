"""One search: admitted, gathered, fused, arranged; one ranking over all datasets of an embedder."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial

from kb.errors import Overloaded
from kb.models.embed.embedders import Embedders
from kb.protocols import (
    Embedder,
    Frequencies,
    KeywordIndex,
    NearestChunks,
    Reranker,
)
from kb.search.arranging import READ_AGAIN, Known, arranged
from kb.search.fusion import Fused, fuse
from kb.search.gathering import Gatherer, Look, cosines, coverage
from kb.search.joining import Place, Reading
from kb.search.proximity import telling
from kb.search.ranked import Ranked
from kb.store.content import chunks, datasets, filters, generations, pages
from kb.store.content.chunks import Candidate, LiveChunk
from kb.store.content.filters import Matching
from kb.store.engine.database import Database
from kb.text.terms import query_terms
from kb.types import Condition, Considered, Dataset, Hit, Retrieval, Scope


@dataclass(frozen=True, slots=True)
class _Part:
    """What a question found."""

    ranked: list[Fused]
    live: Mapping[str, Candidate]
    coverage: float
    frequencies: Frequencies


@dataclass(frozen=True, slots=True)
class Explained:
    """The hits of a search, and the candidates that became none, each with its reason."""

    hits: list[Hit]
    considered: list[Considered]


class Searcher:
    """Searches datasets. Thread-safe; at most `threads` searches run, `max_waiting` wait."""

    def __init__(
        self,
        database: Database,
        embedders: Embedders,
        vectors: NearestChunks,
        keywords: KeywordIndex,
        *,
        candidates: int,
        threads: int,
        max_waiting: int,
        reranker: Reranker | None = None,
    ) -> None:
        self._database = database
        self._reranker = reranker
        self._embedders = embedders
        self._gatherer = Gatherer(
            database, vectors, keywords, candidates=candidates, threads=threads
        )
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
        generation: int | None = None,
    ) -> list[Hit]:
        """The best live chunks for a question, best first; `why` on each says how it was ranked.

        Args:
            where: conditions that the documents must fulfil.
            generation: searched in place of the one that answers.

        Raises:
            NotFound: a dataset or the generation is absent or not visible.
            EmbedderMismatch: the embedder of a dataset is not the one that it was built with.
            Overloaded: too many searches are waiting.
        """
        return self.explain(
            scope, dataset_ids, query, retrieval, where=where, generation=generation
        ).hits

    def explain(
        self,
        scope: Scope,
        dataset_ids: Sequence[str],
        query: str,
        retrieval: Retrieval,
        *,
        where: Sequence[Condition] = (),
        generation: int | None = None,
    ) -> Explained:
        """What `search` finds, and every candidate that became no hit with the reason."""
        with self._database.read() as tx:
            wanted = [
                generations.seen(tx, datasets.get(tx, scope, dataset_id), generation)
                for dataset_id in dict.fromkeys(dataset_ids)
            ]
        groups = self._by_embedder(wanted, retrieval)
        if not wanted or not query.strip() or retrieval.top_k < 1:
            return Explained([], [])
        with self._admission():
            found = [
                self._search(scope, own, embedder, query, retrieval, where)
                for embedder, own in groups
            ]
        hits = sorted((hit for part in found for hit in part.hits), key=lambda hit: -hit.score)
        others = [item for part in found for item in part.considered]
        return Explained(hits[: retrieval.top_k], others)

    @contextmanager
    def _admission(self) -> Iterator[None]:
        if not self._admitted.acquire(blocking=False):
            raise Overloaded("Too many searches are waiting. Try again in a moment.")
        try:
            with self._running:
                yield
        finally:
            self._admitted.release()

    def _by_embedder(
        self, wanted: Sequence[Dataset], retrieval: Retrieval
    ) -> list[tuple[Embedder | None, list[Dataset]]]:
        """Vectors of different embedders cannot be compared, so each has a ranking of its own."""
        if retrieval.mode == "keyword":
            return [(None, list(wanted))] if wanted else []
        groups: dict[str, list[Dataset]] = {}
        for dataset in wanted:
            groups.setdefault(dataset.embedder, []).append(dataset)
        return [(self._embedders.of(own[0]), own) for own in groups.values()]

    def _search(
        self,
        scope: Scope,
        wanted: Sequence[Dataset],
        embedder: Embedder | None,
        query: str,
        retrieval: Retrieval,
        where: Sequence[Condition],
    ) -> Explained:
        allowed = self._allowed(scope, wanted, where) if where else None
        vector = None if embedder is None else embedder.embed_query(query)
        look = Look(scope, wanted, query, embedder, vector, retrieval, allowed)
        part = self._fused(look)
        live = part.live
        passages, siblings = _one_per_passage(part.ranked, live)
        shortlist = passages[: max(READ_AGAIN, retrieval.top_k)]
        known = Known(
            query,
            part.coverage,
            part.frequencies,
            {name: item.vector for name, item in live.items() if item.vector is not None},
            Reading(self._slices, partial(self._live, look)),
            self._reranker if retrieval.rerank else None,
        )
        best, others = arranged(self._ranked(look, shortlist), known, retrieval)
        rest = _unread([*siblings, *passages[len(shortlist) :]], live)
        return Explained([_hit(item) for item in best], [*others, *rest])

    def _fused(self, look: Look) -> _Part:
        found = self._gatherer.gather(look)
        known = coverage(look, found) if look.retrieval.mode == "hybrid" else 1.0
        cosine = cosines(look.vector, found.live)
        weights = telling(query_terms(look.query), found.frequencies, least_chunks=1)
        most = sum(weights.values())
        ranked = fuse(found.vector, found.keyword, coverage=known, cosine=cosine, most=most)
        return _Part(ranked, found.live, known, found.frequencies)

    def _ranked(self, look: Look, fused: Sequence[Fused]) -> list[Ranked]:
        live = self._live(look, [item.chunk_id for item in fused])
        return [
            Ranked(live[item.chunk_id], item.score, item.why)
            for item in fused
            if item.chunk_id in live
        ]

    def _live(self, look: Look, chunk_ids: Iterable[str]) -> Mapping[str, LiveChunk]:
        return self._database.reading(chunks.live, look.scope, chunk_ids, look.generations)

    def _slices(self, places: Sequence[Place]) -> Mapping[Place, str]:
        return self._database.reading(pages.slices, places)

    def _allowed(
        self, scope: Scope, wanted: Sequence[Dataset], where: Sequence[Condition]
    ) -> Matching:
        ids = [dataset.id for dataset in wanted]
        return self._database.reading(filters.matching, scope, ids, where)


def _one_per_passage(
    ranked: Sequence[Fused], live: Mapping[str, Candidate]
) -> tuple[list[Fused], list[Fused]]:
    """The best chunk of each passage, and its siblings: they would return the same text again."""
    best: dict[str | tuple[str, int], Fused] = {}
    for item in ranked:
        best.setdefault(live[item.chunk_id].passage or item.chunk_id, item)
    kept = {item.chunk_id for item in best.values()}
    return list(best.values()), [item for item in ranked if item.chunk_id not in kept]


def _unread(fused: Sequence[Fused], live: Mapping[str, Candidate]) -> list[Considered]:
    """Candidates that ranked too low to be read, or behind another chunk of their passage."""
    return [
        Considered(
            item.chunk_id,
            item.chunk_id.partition(".")[0],
            "",
            item.score,
            item.why,
            dropped="another chunk of its passage is better"
            if live[item.chunk_id].passage
            else "ranked too low",
        )
        for item in fused
    ]


def _hit(item: Ranked) -> Hit:
    """A hit with the text that is to be read: the parent's if the chunk has one."""
    chunk, why = item.found.chunk, item.why
    if (parent := chunk.parent) is not None:
        why = {**why, "matched": [asdict(span) for span in chunk.spans]}
        chunk = replace(
            chunk, spans=parent.spans, text=parent.text, index_text=parent.index_text, parent=None
        )
    return Hit(chunk, item.found.dataset_id, item.found.document_name, item.score, why)
