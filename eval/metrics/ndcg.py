"""Normalised discounted cumulative gain: graded relevance, worth less the farther down."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence


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
    best = sum(_discounted(grade, rank) for rank, grade in enumerate(_falling(grades)[:k], start=1))
    seen: set[int] = set()
    gain = 0.0
    for rank, hit in enumerate(ranking[:k], start=1):
        fresh = sorted(set(hit) - seen, key=lambda part: -grades[part])
        for part in fresh:
            seen.add(part)
            place = max(rank, len(seen))
            gain += _discounted(grades[part], place) if place <= k else 0.0
    return gain / best if best else 0.0


def _falling(grades: Sequence[float]) -> list[float]:
    return sorted(grades, reverse=True)


def _discounted(grade: float, rank: int) -> float:
    return grade / math.log2(rank + 1)
