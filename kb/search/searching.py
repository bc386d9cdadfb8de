"""One search: admitted, found, fused, ranked; one ranking over all datasets of an embedder."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from kb.errors import ModelUnavailable, NotFound, Overloaded
from kb.models.embed.embedders import Embedders
from kb.protocols import CALIBRATION, Embedder, Frequencies, KeywordSearch, Reranker, VectorSearch
from kb.search.across import Common, is_across
from kb.search.asked import asked_part
from kb.search.candidates import CandidateFinder, Candidates, Query, cosines, coverage
from kb.search.fusion import Fused, fuse
from kb.search.neighbours import merge_neighbours, neighbour_ids
from kb.search.ranking import RERANKED, QueryContext, RankedChunk, Ranking, cut, rerank
from kb.search.results import SearchResult, hit_of, one_per_passage, unranked
from kb.search.scoring import background, term_weights
from kb.store.content import chunks, datasets, filters, generations, pages
from kb.store.content.chunks import LiveChunk
from kb.store.content.pages import Slice
from kb.store.engine.database import Database
from kb.telemetry import metrics, spans
from kb.text.languages import language_of
from kb.text.terms import optional_terms, query_terms
from kb.types import Clause, Considered, Dataset, Failure, Retrieval, Scope

NOTED_S = 3600.0
"""How exactly it is known when a dataset was searched last: each note is a write."""


class Searcher:
    """Searches datasets. Thread-safe; at most `threads` searches run, `max_waiting` wait."""

    def __init__(
        self,
        database: Database,
        embedders: Embedders,
        vectors: VectorSearch,
        keywords: KeywordSearch,
        *,
        candidates: int,
        threads: int,
        max_waiting: int,
        reranker: Reranker | None = None,
    ) -> None:
        self._database = database
        self._reranker = reranker
        self.embedders = embedders
        self._finder = CandidateFinder(
            database, vectors, keywords, depth=candidates, threads=threads
        )
        self._common = Common()
        self._running = threading.BoundedSemaphore(threads)
        self._admitted = threading.BoundedSemaphore(threads + max_waiting)

    @spans.step("search", {"gen_ai.operation.name": "retrieval"}, metrics.SEARCH_S)
    def search(
        self,
        scope: Scope,
        dataset_ids: Sequence[str],
        query: str,
        retrieval: Retrieval,
        *,
        where: Sequence[Clause] = (),
        generation: int | None = None,
        skip_missing: bool = False,
    ) -> SearchResult:
        """The best live chunks for a question, best first, and every candidate that became no hit
        with the reason; `why` on each says how it was ranked.

        Args:
            where: conditions that the documents must fulfil.
            generation: searched in place of the one that answers.
            skip_missing: search the datasets that are left, where some are absent.

        Raises:
            NotFound: a dataset or the generation is absent or not visible.
            EmbedderMismatch: the embedder of a dataset is not the one that it was built with.
            Overloaded: too many searches are waiting.
        """
        found = self._database.asking(datasets.of_ids, scope, dataset_ids)
        if not skip_missing:
            _refuse_missing(dataset_ids, found)
        if generation is not None:
            with self._database.read() as tx:
                found = [generations.seen(tx, dataset, generation) for dataset in found]
        self._note_use(found)
        groups = self._by_embedder(found, retrieval)
        if not found or not query.strip() or retrieval.top_k < 1:
            return SearchResult([], [])
        with self._admission():
            parts = [
                self._by_meaning_or_words(scope, own, embedder, query, retrieval, where)
                for embedder, own in groups
            ]
        hits = sorted((hit for part in parts for hit in part.hits), key=lambda hit: -hit.score)
        others = [item for part in parts for item in part.considered]
        notices = dict.fromkeys(notice for part in parts for notice in part.notices)
        return SearchResult(hits[: retrieval.top_k], others, tuple(notices))

    def _note_use(self, wanted: Sequence[Dataset]) -> None:
        """Datasets that are deleted when nobody searches them are noted once an hour."""
        stale = [each for each in wanted if each.is_noted_before(time.time() - NOTED_S)]
        if stale:
            self._database.writing(datasets.touch, stale)

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
        return [(self.embedders.of(own[0]), own) for own in groups.values()]

    def _by_meaning_or_words(
        self,
        scope: Scope,
        wanted: Sequence[Dataset],
        embedder: Embedder | None,
        text: str,
        retrieval: Retrieval,
        where: Sequence[Clause],
    ) -> SearchResult:
        """While the embedder does not answer, the words are searched alone."""
        try:
            return self._search(scope, wanted, embedder, text, retrieval, where)
        except ModelUnavailable as exc:
            by_words = replace(retrieval, mode="keyword")
            found = self._search(scope, wanted, None, text, by_words, where)
            said = f"{exc.detail} The words were searched alone."
            return replace(found, notices=(Failure("words_only", said),))

    def _search(
        self,
        scope: Scope,
        wanted: Sequence[Dataset],
        embedder: Embedder | None,
        text: str,
        retrieval: Retrieval,
        where: Sequence[Clause],
    ) -> SearchResult:
        ids = [dataset.id for dataset in wanted]
        allowed = self._database.reading(filters.matching, scope, ids, where) if where else None
        part = asked_part(text, self._finder.frequencies(wanted, text, retrieval))
        told = {"gen_ai.operation.name": "embeddings", "gen_ai.request.model": wanted[0].embedder}
        with spans.step("embed", told):
            vector = None if embedder is None else embedder.embed_query(part)
        query = Query(scope, wanted, part, embedder, vector, retrieval, allowed, vector)
        query, found = self._found(query, text)
        known = coverage(query, found) if query.retrieval.mode == "hybrid" else 1.0
        similar = cosines(query.vector, found.live)
        calibration = CALIBRATION if embedder is None else embedder.calibration
        fused = fuse(
            found.vector,
            found.keyword,
            coverage=known,
            cosine=similar,
            full_match=_full_match(query.text, found.frequencies),
            vector_weight=calibration.vector_weight,
        )
        passages, siblings = one_per_passage(fused, found.live)
        shortlist = passages[: max(RERANKED, retrieval.top_k)]
        reranker = self._reranker if retrieval.rerank else None
        usual = background(similar.values())
        context = QueryContext(
            query.text,
            known,
            found.frequencies,
            reranker,
            calibration,
            usual,
            partial(self._across, query, found),
        )
        best, left_out = self._ranked(query, shortlist, context)
        rest = unranked([*siblings, *passages[len(shortlist) :]], found.live)
        return SearchResult([hit_of(item) for item in best], [*left_out, *rest])

    def _found(self, query: Query, whole: str) -> tuple[Query, Candidates]:
        """What is searched, and its candidates."""
        found, embedder, plain = self._finder.find(query), query.embedder, query.plain
        if embedder is None or plain is None or embedder.calibration.alone is None:
            return query, found
        language = language_of(query.text)
        if not is_across(language, query.text, found) or _is_held(query.text, found):
            return query, found
        plain = plain if whole == query.text else embedder.embed_query(whole)
        vector = self._common.taken_out(embedder, plain, language)
        by_meaning = replace(query.retrieval, mode="vector")
        query = replace(query, text=whole, plain=plain, vector=vector, retrieval=by_meaning)
        return query, self._finder.find(query)

    def _across(self, query: Query, found: Candidates, chunk_ids: Sequence[str]) -> float:
        """The best cosine of some candidates to what the question says alone."""
        if query.embedder is None or query.plain is None:
            return 0.0
        language = language_of(query.text)
        near = cosines(self._common.taken_out(query.embedder, query.plain, language), found.live)
        return max(near.get(chunk_id, 0.0) for chunk_id in chunk_ids)

    def _ranked(self, query: Query, shortlist: Sequence[Fused], context: QueryContext) -> Ranking:
        ids = [item.chunk_id for item in shortlist]
        # The first mostly stays the first, so its neighbours are read in the same statement.
        asked = {*ids, *(neighbour_ids(ids[0], ids[0]) if ids else ())}
        live = self._live(query, asked)

        def neighbours(chunk_ids: Sequence[str]) -> Mapping[str, LiveChunk]:
            missing = [chunk_id for chunk_id in chunk_ids if chunk_id not in asked]
            known = {**live, **self._live(query, missing)} if missing else live
            return {chunk_id: known[chunk_id] for chunk_id in chunk_ids if chunk_id in known}

        order, duplicates = rerank(
            [
                RankedChunk(live[f.chunk_id], f.score, f.why)
                for f in shortlist
                if f.chunk_id in live
            ],
            context,
            query.retrieval,
        )
        merged: list[Considered] = []
        if query.retrieval.merge_neighbours:
            order, merged = merge_neighbours(order, neighbours, self._slices)
        best, dropped = cut(order, query.retrieval)
        return best, [*duplicates, *merged, *dropped]

    def _live(self, query: Query, chunk_ids: Collection[str]) -> Mapping[str, LiveChunk]:
        return self._database.asking(chunks.live, query.scope, chunk_ids, query.generations)

    def _slices(self, wanted: Sequence[Slice]) -> Mapping[Slice, str]:
        return self._database.asking(pages.slices, wanted)


def _refuse_missing(dataset_ids: Sequence[str], found: Sequence[Dataset]) -> None:
    present = {dataset.id for dataset in found}
    for dataset_id in dataset_ids:
        if dataset_id not in present:
            raise NotFound("dataset", dataset_id)


def _full_match(query: str, frequencies: Frequencies) -> float:
    """BM25 of a usual passage that holds every term of the question once."""
    weights = query_terms(query)
    found = term_weights(weights, frequencies, optional_terms(query), least_chunks=1)
    return sum(found.values())


def _is_held(query: str, found: Candidates) -> bool:
    """Whether a passage holds all words of a question: then they count in any language. English
    headings of FastAPI's manual asked of the Chinese one, which has English names: 0.935 are right
    among the first five, 0.900 without; 0.840 and 0.770 first. Debian's FAQ does not move."""
    whole = _full_match(query, found.frequencies)
    return bool(found.keyword) and 0 < whole <= found.keyword[0].score
