"""Reciprocal rank: how far up the first relevant hit stands. Its mean over questions is MRR."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def reciprocal_rank(ranking: Sequence[Collection[int]], k: int | None = None) -> float:
    """1 / rank of the first hit that holds something relevant, counted from 1; 0 if none does.

    Args:
        ranking: the relevant parts in each hit, best hit first.
        k: how many hits are looked at; None looks at all.

    Source:
        Voorhees, "The TREC-8 Question Answering Track Report", TREC 1999.
    """
    return next((1 / rank for rank, hit in enumerate(ranking[:k], start=1) if hit), 0.0)
