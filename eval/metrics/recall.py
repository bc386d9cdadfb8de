"""Recall at k: how much of what is relevant stands among the first k hits."""

from __future__ import annotations

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
