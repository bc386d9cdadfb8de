"""Recall, hit rate, reciprocal rank and nDCG: hand-computed, and true for every ranking."""

from __future__ import annotations

from math import log2

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.metrics.ranking import hit_at, ndcg_at, recall_at, reciprocal_rank

PARTS = 5
RANKINGS = st.lists(st.frozensets(st.integers(0, PARTS - 1), max_size=3), max_size=12)
GRADES = st.lists(st.floats(0.5, 4), min_size=PARTS, max_size=PARTS)
KS = st.integers(1, 15)


def test_recall_is_the_share_of_the_parts_that_the_first_hits_hold():
    ranking = [{0}, set(), {0, 2}, {1}]

    assert [recall_at(ranking, 4, k) for k in (1, 2, 3, 4)] == [1 / 4, 1 / 4, 2 / 4, 3 / 4]


def test_a_hit_counts_from_its_place_on():
    assert [hit_at([set(), set(), {3}], k) for k in (1, 2, 3, 9)] == [0, 0, 1, 1]
    assert hit_at([], 5) == 0


def test_the_reciprocal_rank_counts_from_one_and_is_zero_without_a_hit():
    assert reciprocal_rank([set(), set(), {0}, {1}]) == 1 / 3
    assert reciprocal_rank([set(), set(), {0}], k=2) == 0
    assert reciprocal_rank([]) == 0


def test_ndcg_divides_the_discounted_gain_by_that_of_the_best_order():
    grades = [3.0, 2.0, 1.0]
    found = 1 / log2(2) + 3 / log2(4)  # grade 1 at rank 1, grade 3 at rank 3
    best = 3 / log2(2) + 2 / log2(3) + 1 / log2(4)

    assert ndcg_at([{2}, set(), {0}], grades, 10) == pytest.approx(found / best)


def test_ndcg_counts_a_part_once_and_two_parts_in_one_hit_as_two_places():
    assert ndcg_at([{0}, {0}, {0}], [1.0], 3) == 1
    assert ndcg_at([{0, 1}], [1.0, 1.0], 5) == 1
    assert ndcg_at([set(), {0, 1}], [1.0, 1.0], 5) == pytest.approx(
        (1 / log2(3) + 1 / log2(3)) / (1 + 1 / log2(3))
    )


@settings(deadline=None)
@given(RANKINGS, GRADES, KS)
def test_every_value_lies_between_zero_and_one(ranking, grades, k):
    values = [
        recall_at(ranking, PARTS, k), hit_at(ranking, k), reciprocal_rank(ranking),
        ndcg_at(ranking, grades, k),
    ]  # fmt: skip
    assert all(0 <= value <= 1 + 1e-9 for value in values)


@settings(deadline=None)
@given(RANKINGS, KS)
def test_looking_at_more_hits_never_lowers_recall(ranking, k):
    assert recall_at(ranking, PARTS, k) <= recall_at(ranking, PARTS, k + 1)
    assert hit_at(ranking, k) <= hit_at(ranking, k + 1)


@settings(deadline=None)
@given(RANKINGS, GRADES)
def test_a_useless_hit_in_front_never_helps(ranking, grades):
    pushed = [frozenset(), *ranking]
    assert reciprocal_rank(pushed) <= reciprocal_rank(ranking)
    assert ndcg_at(pushed, grades, 20) <= ndcg_at(ranking, grades, 20) + 1e-9


@settings(deadline=None)
@given(GRADES)
def test_the_best_order_has_an_ndcg_of_one(grades):
    order = sorted(range(PARTS), key=lambda part: -grades[part])
    assert ndcg_at([{part} for part in order], grades, PARTS) == pytest.approx(1)
