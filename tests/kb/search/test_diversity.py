"""Maximal marginal relevance."""

import numpy as np

from kb.search.diversity import diversified
from tests.kb.search.ranks import ranked

ITEMS = [ranked("a", 0.9, index=0), ranked("b", 0.8, index=2), ranked("c", 0.5, index=4)]
EAST, NEARLY_EAST, NORTH = (
    np.array(v, dtype=np.float32) for v in ([1, 0], [0.99, 0.14106736], [0, 1])
)
VECTORS = dict(zip((i.chunk_id for i in ITEMS), (EAST, NEARLY_EAST, NORTH), strict=True))


def order(diversity: float) -> list[str]:
    return [i.found.chunk.text for i in diversified(ITEMS, VECTORS, diversity=diversity)]


def test_a_hit_unlike_the_first_goes_before_one_that_repeats_it():
    # 0.5 · 0.5 - 0.5 · 0 = 0.25 against 0.5 · 0.8 - 0.5 · 0.99 = -0.095
    assert order(0.5) == ["a", "c", "b"]
    assert order(0.1) == ["a", "b", "c"]


def test_scores_still_fall():
    scores = [item.score for item in diversified(ITEMS, VECTORS, diversity=0.5)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == 0.9
