"""Maximal marginal relevance: hits that add something instead of saying it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from kb.protocols import Vectors
from kb.search.ranked import Ranked


def diversified(
    ranked: Sequence[Ranked], vectors: Mapping[str, Vectors], *, diversity: float
) -> list[Ranked]:
    """The candidates in an order that weighs relevance against likeness to those before.

    Each place goes to the largest (1 - d) · score - d · (largest cosine to the chosen), and scores
    are lowered where the order demands it, so that they still fall.

    Args:
        vectors: chunk id → unit vector; a candidate without one is like no other.
        diversity: d, from 0 (relevance alone) to 1.

    Source:
        Carbonell and Goldstein, "The Use of MMR, Diversity-Based Reranking for Reordering
        Documents and Producing Summaries", SIGIR 1998, with λ = 1 - d.
    """
    waiting = list(ranked)
    chosen: list[Ranked] = []
    likeness = dict.fromkeys((item.chunk_id for item in ranked), 0.0)
    while waiting:
        best = max(
            waiting,
            key=lambda item: (1 - diversity) * item.score - diversity * likeness[item.chunk_id],
        )
        waiting.remove(best)
        ceiling = min(best.score, chosen[-1].score) if chosen else best.score
        chosen.append(best.scored(ceiling, likeness=round(likeness[best.chunk_id], 4)))
        vector = vectors.get(best.chunk_id)
        for item in waiting:
            other = vectors.get(item.chunk_id)
            if vector is not None and other is not None:
                cosine = float(np.dot(vector, other))
                likeness[item.chunk_id] = max(likeness[item.chunk_id], cosine)
    return chosen
