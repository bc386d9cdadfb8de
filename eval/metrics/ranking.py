"""How early a search finds what is relevant: recall, hit rate, reciprocal rank and NDCG at k."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence


def recall_at(ranking: Sequence[Collection[int]], relevant: int, k: int) -> float:
    """The share of the relevant parts that the first k hits hold.

    Args:
        ranking: the relevant parts in each hit, best hit first.
        relevant: how many relevant parts there are, at least 1.
        k: how many hits are looked at.

    Source:
        Manning, Raghavan and Schütze, "Introduction to Information Retrieval", 2008, section 8.3:
        recall = |relevant and retrieved| / |relevant|.
    """
    return len({part for hit in ranking[:k] for part in hit}) / relevant


def hit_at(ranking: Sequence[Collection[int]], k: int) -> float:
    """1 if one of the first k hits holds something relevant, else 0 (also without any hit).

    Source:
        "success@n" of the TREC 2003 robust and web tracks; LlamaIndex calls it hit rate.
    """
    return float(any(ranking[:k]))


def reciprocal_rank(ranking: Sequence[Collection[int]], k: int | None = None) -> float:
    """1 / rank of the first hit that holds something relevant, counted from 1; 0 if none does.

    Args:
        ranking: the relevant parts in each hit, best hit first.
        k: how many hits are looked at; None looks at all.

    Source:
        Voorhees, "The TREC-8 Question Answering Track Report", TREC 1999.
    """
    return next((1 / rank for rank, hit in enumerate(ranking[:k], start=1) if hit), 0.0)


def ndcg_at(ranking: Sequence[Collection[int]], grades: Sequence[float], k: int) -> float:
    """The gain of the first k hits, divided by that of the best possible order.

    A part counts once, where it is first found. A hit may hold several: then the second one is
    discounted as if it stood one place farther down, the third two places, and so on; so 1 is
    reached by finding everything as early as single passages could, and never passed.

    Args:
        ranking: the relevant parts in each hit, best hit first.
        grades: how relevant each part is, more than 0.
        k: how many hits are looked at.

    Source:
        Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 2002,
        in the form of trec_eval: DCG = Σ grade / log2(rank + 1), ranks from 1.
    """
    falling = sorted(grades, reverse=True)
    best = sum(_discounted(grade, rank) for rank, grade in enumerate(falling[:k], start=1))
    seen: set[int] = set()
    gain = 0.0
    for rank, hit in enumerate(ranking[:k], start=1):
        fresh = sorted(set(hit) - seen, key=lambda part: -grades[part])
        for part in fresh:
            seen.add(part)
            place = max(rank, len(seen))
            gain += _discounted(grades[part], place) if place <= k else 0.0
    return gain / best if best else 0.0


def _discounted(grade: float, rank: int) -> float:
    return grade / math.log2(rank + 1)
