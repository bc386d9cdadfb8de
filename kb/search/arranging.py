"""From a fused ranking to hits: read again, duplicates folded, neighbours joined, scored, cut.

Whatever leaves a candidate out says so, because `explain` shows all of them. Nothing here looks
into an index; texts are those that SQL says are live.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from kb.errors import ModelUnavailable
from kb.protocols import Frequencies, Reranker, Vectors
from kb.search import calibration
from kb.search.diversity import diversified
from kb.search.duplicates import without_duplicates
from kb.search.joining import Reading, joined
from kb.search.proximity import NOTHING_NEAR, Nearness, nearness, telling
from kb.search.ranked import Ranked
from kb.text.terms import plain_name, query_terms, terms
from kb.types import Considered, Retrieval

logger = logging.getLogger(__name__)

READ_AGAIN = 12
"""Candidates whose words are looked at, 0.1 ms each. Mean recall on eight sets is the same to 0.002
with 16 and 24."""

WINDOW_SHARE, PAIRS_SHARE, SUPPORT_SHARE = 0.2, 0.05, 0.1
"""What the words' standing together, the pairs, and a document's other candidates add to the fused
score. Doubling or halving any of them moves recall@1 by 0.01 at most."""

BELOW_MIN_SCORE = "below min_score"
BEYOND_TOP_K = "beyond top_k"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a question beside its candidates.

    `coverage` says how well the embedder knows its language (`kb/models/embed/coverage.py`);
    `frequencies` are those of its terms, none for a search by meaning alone; `vectors` are the
    candidates' own; `reading` gets what stands around them.
    """

    query: str
    coverage: float
    frequencies: Frequencies
    vectors: Mapping[str, Vectors]
    reading: Reading
    reranker: Reranker | None = None


Arranged = tuple[list[Ranked], list[Considered]]


def arranged(ranked: Sequence[Ranked], known: Known, retrieval: Retrieval) -> Arranged:
    """The candidates that become hits, best first, and the others.

    Scores are the reranking model's, or the calibrated ones of `kb/search/calibration.py`.
    """
    words = {i.chunk_id: terms(i.found.chunk.index_text) for i in ranked[:READ_AGAIN]}
    order = _by_model(ranked, known) or _by_words(ranked, known, retrieval, words)
    left_out: list[Considered] = []
    if retrieval.fold:
        order, same = without_duplicates(order, words)
        left_out += same
    if retrieval.join:
        order, parts = joined(order, known.reading)
        left_out += parts
    if retrieval.diversity > 0:
        order = diversified(order, known.vectors, diversity=retrieval.diversity)
    good = [item for item in order if item.score >= retrieval.min_score]
    left_out += [i.dropped(BELOW_MIN_SCORE) for i in order if i.score < retrieval.min_score]
    left_out += [item.dropped(BEYOND_TOP_K) for item in good[retrieval.top_k :]]
    return good[: retrieval.top_k], left_out


def _by_model(ranked: Sequence[Ranked], known: Known) -> list[Ranked]:
    """Empty if there is no reranking model, or it fails: a search goes on without it."""
    if known.reranker is None:
        return []
    head = ranked[:READ_AGAIN]
    try:
        scores = known.reranker.relevance(known.query, [i.found.chunk.index_text for i in head])
    except ModelUnavailable as failure:
        logger.warning("%s The words of the passages decide.", failure.detail)
        return []
    scored = [
        item.scored(score, fused=item.score, rerank_score=score)
        for item, score in zip(head, scores, strict=True)
    ]
    return sorted(scored, key=_order)


def _by_words(
    ranked: Sequence[Ranked], known: Known, retrieval: Retrieval, words: Mapping[str, list[str]]
) -> list[Ranked]:
    weights = telling(query_terms(known.query), _frequencies(known, words))
    named = [_with_name(item, words[item.chunk_id]) for item in ranked[:READ_AGAIN]]
    near = dict(zip(words, nearness(weights, named), strict=True))
    order = list(ranked) if retrieval.mode == "vector" else _with_words(ranked, near)
    return _calibrated(order, known, near)


def _frequencies(known: Known, words: Mapping[str, Sequence[str]]) -> Frequencies:
    """Those among the candidates, where the index was not asked."""
    if known.frequencies.chunks:
        return known.frequencies
    return Frequencies(len(words), Counter(term for found in words.values() for term in set(found)))


def _with_name(item: Ranked, words: Sequence[str]) -> list[str]:
    return [*_name_terms(item.found.document_name), *words]


@lru_cache(maxsize=4096)
def _name_terms(document_name: str) -> tuple[str, ...]:
    return tuple(terms(plain_name(document_name)))


def _with_words(ranked: Sequence[Ranked], near: Mapping[str, Nearness]) -> list[Ranked]:
    support = _support(ranked)
    whole = 1 + WINDOW_SHARE + PAIRS_SHARE + SUPPORT_SHARE
    scored = []
    for item in ranked:
        found = near.get(item.chunk_id, NOTHING_NEAR)
        added = WINDOW_SHARE * found.window + PAIRS_SHARE * found.pairs
        added += SUPPORT_SHARE * support[item.found.chunk.document_id]
        why = {"window": round(found.window, 4), "pairs": round(found.pairs, 4)}
        scored.append(item.scored((item.score + added) / whole, fused=item.score, **why))
    return sorted(scored, key=_order)


def _order(item: Ranked) -> tuple[float, str]:
    return -item.score, item.chunk_id


def _support(ranked: Sequence[Ranked]) -> dict[str, float]:
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
    ranked: Sequence[Ranked], known: Known, near: Mapping[str, Nearness]
) -> list[Ranked]:
    if not ranked or not ranked[0].score:
        return list(ranked)
    leaders = ranked[: calibration.LEADERS]
    found = [near.get(item.chunk_id, NOTHING_NEAR) for item in leaders]
    evidence = calibration.Evidence(
        strength=max(item.strength for item in found),
        window=max(item.window for item in found),
        pairs=max(item.pairs for item in found),
        meaning=known.coverage * max(item.why.get("vector_score") or 0.0 for item in leaders),
    )
    chance, top = calibration.chance(evidence), ranked[0].score
    return [
        item.scored(chance * item.score / top, ranking_score=round(item.score, 6))
        for item in ranked
    ]
