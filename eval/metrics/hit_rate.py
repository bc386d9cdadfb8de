"""Hit rate at k, also called success at k: whether there is anything relevant in the first hits."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def hit_at(ranking: Sequence[Collection[int]], k: int) -> float:
    """1 if one of the first k hits holds something relevant, else 0 (also without any hit).

    Source:
        "success@n" of the TREC 2003 robust and web tracks; LlamaIndex calls it hit rate.
    """
    return float(any(ranking[:k]))
