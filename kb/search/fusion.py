"""Fuses what the vectors and the keywords found into one ranking.

A search over several datasets is fused once, with all candidates together: scores are relative to
the best candidate of one question and mean nothing beside those of another.

Reciprocal rank fusion was measured and left out. It trusts both sides alike, so an embedder that
cannot read the language takes rank-1 recall in Chinese from 0.85 down to 0.27; and it forgets how
far ahead the first one is. Share of questions with a right chunk in the first 1 / first 8, bundled
embedder, 40 candidates a side:

    set (chunks, questions), coverage     vectors      keywords     RRF          fused
    SQuAD dev (1204, 1000), 0.90          0.647 0.922  0.805 0.963  0.776 0.967  0.844 0.972
    HotpotQA (994, 100), 0.91             0.820 0.990  0.850 1.000  0.840 1.000  0.870 1.000
    Cranfield (1400, 225), 0.89           0.351 0.853  0.298 0.831  0.373 0.867  0.333 0.880
    Chroma chunking (1590, 472), 0.91     0.511 0.864  0.648 0.943  0.593 0.932  0.657 0.945
    FastAPI headings (909, 600), 0.57     0.322 0.718  0.427 0.777  0.415 0.792  0.467 0.812
    TiDB headings, zh (1500, 600), 0.29   0.265 0.453  0.445 0.663  0.342 0.633  0.455 0.677
    CMRC 2018, zh (722, 978), 0.04        0.050 0.181  0.852 0.974  0.267 0.945  0.852 0.974
    Sanguo, zh (2645, 200), 0.02          0.015 0.075  0.450 0.715  0.135 0.600  0.445 0.715
    JSQuAD, ja (1145, 1000), 0.05         0.204 0.352  0.896 0.963  0.413 0.913  0.896 0.963
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kb.protocols import CALIBRATION, Scored

# Share of the vector side when the embedder knows question and text (coverage 1). Rank-1 recall
# with 0.3 / 0.4 / 0.45 / 0.5 / 0.6: SQuAD 0.838 0.842 0.844 0.844 0.843, Cranfield 0.311 0.342
# 0.333 0.324 0.333, Chroma chunking 0.663 0.661 0.657 0.659 0.640, FastAPI headings 0.458 0.463
# 0.467 0.472 0.472; Chinese and Japanese do not move.
VECTOR_WEIGHT = CALIBRATION.vector_weight

# Candidates whose cosines all lie this close together are told apart less. The bundled model
# spreads its candidates over 0.25 to 0.9. Some models crowd theirs: squeezed into 0.75 to 0.9,
# SQuAD still gets 0.841, while fixed anchors (cosine 0 to 0.8) fell to 0.809.
LEAST_SPREAD = 0.1


@dataclass(frozen=True, slots=True)
class Fused:
    """A candidate with its place in the fused ranking: `score` in 0..1, `why` explains it."""

    chunk_id: str
    score: float
    why: Mapping[str, Any]


def fuse(
    vector: Sequence[Scored],
    keyword: Sequence[Scored],
    *,
    coverage: float,
    cosine: Mapping[str, float],
    full_match: float = 0.0,
    vector_weight: float = VECTOR_WEIGHT,
) -> list[Fused]:
    """Rank the candidates of both lists by a weighted sum of closeness and keyword score.

    score = w · closeness + (1 - w) · BM25 / max(best BM25, full_match), w = weight · coverage.
    closeness = 1 - (best cosine - cosine) / max(best - worst cosine, 0.1), over the candidates:
    relative, because models differ in the cosines they give to what is far and what is near.
    Keywords alone score BM25 / best BM25, vectors alone coverage · closeness.

    Args:
        vector: nearest chunks, best first, score = cosine.
        keyword: best BM25 matches, best first, score > 0. A candidate that is not in it counts 0.
        coverage: how well the embedder knows the question and the texts, 0..1.
        cosine: exact cosine of every candidate, also of those that only keywords found. One that
            is missing counts as far as the worst candidate.
        full_match: BM25 of a usual passage that holds every term of the question. Where even the
            best keyword match holds half of it, keywords tell candidates apart half as much.

    Returns:
        Every candidate once, best first; equal scores in the order of their ids. `why` holds ranks
        and scores of both sides (None: not found that way) and vector_weight.

    Source:
        Convex combination of normalised scores: Bruch, Gai and Ingber, "An Analysis of Fusion
        Functions for Hybrid Retrieval", ACM TOIS 2023. The weight by coverage is ours.
    """
    similarity = {item.chunk_id: item.score for item in vector} | dict(cosine)
    candidates = {item.chunk_id for item in (*vector, *keyword)}
    closeness = _closeness({i: similarity[i] for i in candidates if i in similarity})
    lexical = _relative(keyword, full_match)
    known = min(1.0, max(0.0, coverage)) if closeness else 0.0
    weight = vector_weight * known if lexical else known
    reasons = _reasons(vector, keyword, similarity)
    fused = [
        Fused(
            chunk_id,
            weight * closeness.get(chunk_id, 0.0) + (1 - weight) * lexical.get(chunk_id, 0.0),
            {**reasons(chunk_id), "vector_weight": weight},
        )
        for chunk_id in candidates
    ]
    return sorted(fused, key=lambda item: (-item.score, item.chunk_id))


def _closeness(cosines: Mapping[str, float]) -> dict[str, float]:
    if not cosines:
        return {}
    best = max(cosines.values())
    spread = max(best - min(cosines.values()), LEAST_SPREAD)
    return {chunk_id: 1 - (best - cosine) / spread for chunk_id, cosine in cosines.items()}


def _relative(keyword: Sequence[Scored], full_match: float) -> dict[str, float]:
    best = max((item.score for item in keyword), default=0.0)
    best = max(best, full_match) if best > 0 else 0.0
    return {item.chunk_id: item.score / best for item in keyword} if best > 0 else {}


def _reasons(
    vector: Sequence[Scored], keyword: Sequence[Scored], similarity: Mapping[str, float]
) -> Callable[[str], dict[str, Any]]:
    near, matched = _ranks(vector), _ranks(keyword)
    bm25 = {item.chunk_id: item.score for item in keyword}
    return lambda chunk_id: {
        "vector_rank": near.get(chunk_id),
        "vector_score": similarity.get(chunk_id),
        "keyword_rank": matched.get(chunk_id),
        "keyword_score": bm25.get(chunk_id),
    }


def _ranks(ranking: Sequence[Scored]) -> dict[str, int]:
    return {item.chunk_id: rank for rank, item in enumerate(ranking, start=1)}
