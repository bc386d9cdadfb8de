"""From a fused ranking to hits: the words are looked at again, scored, duplicates left out, cut.

Whatever leaves a candidate out says so, because `explain` shows all of them. Nothing here looks
into an index; texts are those that SQL says are live.
"""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from kb.errors import ModelUnavailable
from kb.protocols import CALIBRATION, Calibration, Frequencies, Reranker
from kb.search.asked import is_foreign, unknown_share, with_relatives
from kb.search.scoring import (
    LEADERS,
    NO_PROXIMITY,
    Proximity,
    Signals,
    chance,
    on_scale,
    proximities,
    term_weights,
)
from kb.store.content.chunks import LiveChunk
from kb.text.languages import language_of
from kb.text.shapes import is_missed
from kb.text.terms import (
    asked_identifiers,
    identifiers,
    optional_terms,
    plain_name,
    query_terms,
    terms,
)
from kb.types import Considered, Retrieval

logger = logging.getLogger(__name__)

RERANKED = 12
"""Candidates whose words are looked at, 0.1 ms each. Mean recall on eight sets is the same to 0.002
with 16 and 24."""

WINDOW_SHARE, PAIRS_SHARE, SUPPORT_SHARE = 0.2, 0.05, 0.1
"""What the words' standing together, the pairs, and a document's other candidates add to the fused
score. Doubling or halving any of them moves recall@1 by 0.01 at most."""

OTHER_SHARE = 0.1
"""What is left of the score of a passage that names another thing of the shape that is asked for.
Of 312 wrong values (`tests/kb/search/test_spellings.py`) 132 score 0.4 without it, none with it."""

_AROUND_WORDS = ".,;:!?…\"'“”‘’«»()[]{}*_`#|·。、「」『』【】《》"
"""What may stand around a word, of text in NFKC, without changing what it says."""

_BULLETS = frozenset(("", "-", "–", "—", "•"))


@dataclass(frozen=True, slots=True)
class RankedChunk:
    """A live chunk with its score (0..1, higher is better) and how that came about."""

    found: LiveChunk
    score: float
    why: Mapping[str, Any]

    @property
    def chunk_id(self) -> str:
        """The id of its chunk."""
        return self.found.chunk.id

    def scored(self, score: float, **why: Any) -> RankedChunk:
        """The same with another score, and more reasons."""
        return replace(self, score=score, why={**self.why, **why})

    def dropped(self, reason: str) -> Considered:
        """What is told of it if it becomes no hit."""
        chunk = self.found.chunk
        return Considered(
            chunk.id,
            chunk.document_id,
            self.found.document_name,
            self.score,
            self.why,
            dropped=reason,
        )


@dataclass(frozen=True, slots=True)
class QueryContext:
    """What is known of a question beside its candidates.

    `coverage` says how well the embedder knows its language (`kb/models/embed/coverage.py`),
    `frequencies` are those of its terms (none for a search by meaning alone), `across` gives the
    best cosine of some chunks to what it says alone (`kb/search/across.py`).
    """

    query: str
    coverage: float
    frequencies: Frequencies
    reranker: Reranker | None = None
    calibration: Calibration = CALIBRATION
    background: float | None = None
    across: Callable[[Sequence[str]], float] = lambda _: 0.0


Ranking = tuple[list[RankedChunk], list[Considered]]
"""The candidates that are left, best first, and those that were left out."""


def rerank(ranked: Sequence[RankedChunk], context: QueryContext, retrieval: Retrieval) -> Ranking:
    """The candidates in their order, without duplicates if the retrieval says so.

    Scores are the reranking model's, or calibrated ones (`kb/search/scoring.py`).
    """
    plain = not asked_identifiers(context.query)
    words = {
        i.chunk_id: terms(i.found.chunk.index_text, without_identifiers=plain)
        for i in ranked[:RERANKED]
    }
    order = _by_model(ranked, context) or _by_words(ranked, context, retrieval, words)
    order = _without_others(order, context.query)
    return without_duplicates(order, words) if retrieval.deduplicate else (order, [])


def _without_others(ranked: Sequence[RankedChunk], query: str) -> list[RankedChunk]:
    """The candidates, those behind that name another release, code or day than the question."""
    asked = asked_identifiers(query)
    if not asked:
        return list(ranked)
    return sorted(
        (
            item.scored(item.score * OTHER_SHARE, names_another=True)
            if is_missed(asked, _identifiers(item))
            else item
            for item in ranked
        ),
        key=_order,
    )


def _identifiers(item: RankedChunk) -> frozenset[str]:
    return identifiers(f"{plain_name(item.found.document_name)}\n\n{item.found.chunk.index_text}")


def cut(ranked: Sequence[RankedChunk], retrieval: Retrieval) -> Ranking:
    """The candidates that become hits."""
    good = [item for item in ranked if item.score >= retrieval.min_score]
    poor = [i.dropped("below min_score") for i in ranked if i.score < retrieval.min_score]
    beyond = [item.dropped("beyond top_k") for item in good[retrieval.top_k :]]
    return good[: retrieval.top_k], [*poor, *beyond]


def _by_model(ranked: Sequence[RankedChunk], context: QueryContext) -> list[RankedChunk]:
    """Empty if there is no reranking model, or it fails: a search goes on without it."""
    if context.reranker is None:
        return []
    head = ranked[:RERANKED]
    try:
        scores = context.reranker.relevance(context.query, [i.found.chunk.index_text for i in head])
    except ModelUnavailable as failure:
        logger.warning("%s The words of the passages decide.", failure.detail)
        return []
    scored = [
        item.scored(score, fused=item.score, rerank_score=score)
        for item, score in zip(head, scores, strict=True)
    ]
    return sorted(scored, key=_order)


def _by_words(
    ranked: Sequence[RankedChunk],
    context: QueryContext,
    retrieval: Retrieval,
    words: Mapping[str, list[str]],
) -> list[RankedChunk]:
    query = context.query
    named, frequencies = with_relatives(
        query_terms(query),
        [_with_name(item, words[item.chunk_id]) for item in ranked[:RERANKED]],
        _frequencies(context, words),
    )
    weights = term_weights(query_terms(query), frequencies, optional_terms(query))
    near = dict(zip(words, proximities(weights, named), strict=True))
    order = list(ranked) if retrieval.mode == "vector" else _with_words(ranked, near)
    unknown = unknown_share(query, weights, frequencies)
    return _calibrated(order, context, near, words, unknown=unknown)


def _frequencies(context: QueryContext, words: Mapping[str, Sequence[str]]) -> Frequencies:
    """Those among the candidates, where the index was not asked."""
    return context.frequencies if context.frequencies.chunks else Frequencies.among(words.values())


def _with_name(item: RankedChunk, words: Sequence[str]) -> list[str]:
    return [*_name_terms(item.found.document_name), *words]


@lru_cache(maxsize=4096)
def _name_terms(document_name: str) -> tuple[str, ...]:
    return tuple(terms(plain_name(document_name)))


def _with_words(ranked: Sequence[RankedChunk], near: Mapping[str, Proximity]) -> list[RankedChunk]:
    support = _support(ranked)
    whole = 1 + WINDOW_SHARE + PAIRS_SHARE + SUPPORT_SHARE
    scored = []
    for item in ranked:
        found = near.get(item.chunk_id, NO_PROXIMITY)
        added = WINDOW_SHARE * found.window + PAIRS_SHARE * found.pairs
        added += SUPPORT_SHARE * support[item.found.chunk.document_id]
        why = {"window": round(found.window, 4), "pairs": round(found.pairs, 4)}
        scored.append(item.scored((item.score + added) / whole, fused=item.score, **why))
    return sorted(scored, key=_order)


def _order(item: RankedChunk) -> tuple[float, str]:
    return -item.score, item.chunk_id


def _support(ranked: Sequence[RankedChunk]) -> dict[str, float]:
    """Document id → how much its candidates weigh together, the most supported = 1.

    Squared, so that one good candidate is more than many poor ones. It tells the report of the
    right company from the same sentence in that of another.
    """
    total: dict[str, float] = {}
    for item in ranked:
        document_id = item.found.chunk.document_id
        total[document_id] = total.get(document_id, 0.0) + item.score**2
    most = max(total.values(), default=0.0) or 1.0
    return {document_id: weight / most for document_id, weight in total.items()}


def _calibrated(
    ranked: Sequence[RankedChunk],
    context: QueryContext,
    near: Mapping[str, Proximity],
    words: Mapping[str, Sequence[str]],
    *,
    unknown: float,
) -> list[RankedChunk]:
    if not ranked or not ranked[0].score:
        return list(ranked)
    leaders = ranked[:LEADERS]
    found = [near.get(item.chunk_id, NO_PROXIMITY) for item in leaders]
    asked = asked_identifiers(context.query)
    known, cosine = context.calibration, max(i.why.get("vector_score") or 0.0 for i in leaders)
    usual = known.far if context.background is None else context.background
    language = None if known.alone is None else language_of(context.query)
    is_across = is_foreign(language, ranked[0].found.chunk.text)
    signals = Signals(
        bm25=max(item.bm25 for item in found),
        window=max(item.window for item in found),
        pairs=max(item.pairs for item in found),
        meaning=context.coverage * on_scale(cosine, known, None if is_across else language),
        lead=context.coverage * (cosine - usual) / (known.near - known.far),
        identifier=float(any(asked.intersection(words.get(i.chunk_id, ())) for i in leaders)),
        unknown=unknown,
        across=context.across([i.chunk_id for i in leaders]) if is_across else None,
    )
    share = chance(signals, known) / ranked[0].score
    why = {"across": True} if is_across else {}
    return [i.scored(share * i.score, ranking_score=round(i.score, 6), **why) for i in ranked]


def without_duplicates(ranked: Sequence[RankedChunk], read: Container[str]) -> Ranking:
    """The first of each group of duplicates, in order, and those that are left out.

    The same text comes twice where a file was uploaded under two names, or a notice stands in every
    report. Duplicates are passages, headings among them, whose words are the same in the same
    order: one other word ("not", a name, a site) makes another statement. `why` of a first one says
    how many `duplicates` it stands for.

    Args:
        read: the ids of the chunks that are compared; any other is kept.
    """
    kept: list[RankedChunk] = []
    places: dict[tuple[str, ...], int] = {}
    left_out: list[Considered] = []
    for item in ranked:
        wording = _wording(item.found.chunk.index_text) if item.chunk_id in read else ()
        place = places.setdefault(wording, len(kept)) if wording else len(kept)
        if place == len(kept):
            kept.append(item)
            continue
        first = kept[place]
        copies = first.why.get("duplicates", 0) + 1
        kept[place] = first.scored(first.score, duplicates=copies)
        left_out.append(item.dropped(f"duplicate of {first.chunk_id}"))
    return kept, left_out


def _wording(text: str) -> tuple[str, ...]:
    plain = unicodedata.normalize("NFKC", text).casefold().split()
    return tuple([w for word in plain if (w := word.strip(_AROUND_WORDS)) not in _BULLETS])
