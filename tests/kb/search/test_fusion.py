"""Fusing the vector and the keyword ranking."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.protocols import Scored
from kb.search.fusion import VECTOR_WEIGHT, fuse

NEAR = [Scored("a", 0.8), Scored("b", 0.5), Scored("c", 0.3)]
MATCHED = [Scored("c", 20.0), Scored("a", 10.0)]
COSINE = {"a": 0.8, "b": 0.5, "c": 0.3}

SCORES = st.dictionaries(st.sampled_from("abcdefgh"), st.floats(0.01, 50), max_size=8)
COSINES = st.dictionaries(st.sampled_from("abcdefgh"), st.floats(-1, 1), max_size=8)
COVERAGES = st.floats(0, 1)


def ranking(scores):
    return [Scored(i, s) for i, s in sorted(scores.items(), key=lambda item: (-item[1], item[0]))]


def fused_ids(*args, **kwargs):
    return [item.chunk_id for item in fuse(*args, **kwargs)]


def test_scores_are_weighted_sums_of_relative_closeness_and_relative_bm25():
    scores = {f.chunk_id: f.score for f in fuse(NEAR, MATCHED, coverage=1.0, cosine=COSINE)}

    w = VECTOR_WEIGHT
    assert scores == pytest.approx(
        {
            "a": w * 1 + (1 - w) * 10 / 20,
            "b": w * (1 - 0.3 / 0.5),  # (best - own) / (best - worst)
            "c": w * 0 + (1 - w) * 1,
        }
    )


def test_the_reasons_name_ranks_scores_and_weight():
    reasons = {f.chunk_id: f.why for f in fuse(NEAR, MATCHED, coverage=0.5, cosine=COSINE)}

    assert reasons["a"] == {
        "vector_rank": 1,
        "vector_score": 0.8,
        "keyword_rank": 2,
        "keyword_score": 10.0,
        "vector_weight": VECTOR_WEIGHT * 0.5,
    }
    assert reasons["b"]["keyword_rank"] is None
    assert reasons["b"]["keyword_score"] is None


def test_an_embedder_that_does_not_know_the_language_changes_nothing():
    matched = [Scored("right", 9.0), Scored("second", 8.9)]
    near = [Scored("noise", 0.9), Scored("second", 0.8)]
    cosine = {"noise": 0.9, "second": 0.8, "right": 0.1}

    assert fused_ids(near, matched, coverage=0.0, cosine=cosine) == ["right", "second", "noise"]
    assert fused_ids(near, matched, coverage=0.02, cosine=cosine)[0] == "right"
    assert fused_ids(near, matched, coverage=1.0, cosine=cosine)[0] == "second"


def test_candidates_that_only_keywords_found_are_judged_by_their_cosine_too():
    near = [Scored("a", 0.7)]
    matched = [Scored("b", 10.0), Scored("c", 10.0)]

    order = fused_ids(near, matched, coverage=1.0, cosine={"a": 0.7, "b": 0.1, "c": 0.6})

    assert order == ["c", "b", "a"]


def test_models_that_crowd_their_cosines_rank_alike():
    crowded = {i: 0.75 + 0.2 * cosine for i, cosine in COSINE.items()}

    assert fused_ids(NEAR, MATCHED, coverage=1.0, cosine=crowded) == fused_ids(
        NEAR, MATCHED, coverage=1.0, cosine=COSINE
    )


def test_hardly_differing_cosines_do_not_overrule_the_keywords():
    matched = [Scored("a", 10.0), Scored("b", 8.0)]

    assert fused_ids([], matched, coverage=1.0, cosine={"a": 0.500, "b": 0.501}) == ["a", "b"]


def test_keywords_alone_keep_their_order_and_the_best_scores_one():
    fused = fuse([], MATCHED, coverage=1.0, cosine={})

    assert [(f.chunk_id, f.score) for f in fused] == [("c", 1.0), ("a", 0.5)]


def test_vectors_alone_keep_their_order_and_score_what_the_model_covers():
    fused = fuse(NEAR, [], coverage=0.5, cosine={})

    assert [f.chunk_id for f in fused] == ["a", "b", "c"]
    assert fused[0].score == 0.5


def test_nothing_found_is_an_empty_ranking():
    assert fuse([], [], coverage=1.0, cosine={}) == []


def test_a_single_candidate_scores_one():
    (only,) = fuse([Scored("a", 0.2)], [Scored("a", 3.0)], coverage=1.0, cosine={"a": 0.2})

    assert only.score == pytest.approx(1.0)


def test_ties_are_in_the_order_of_ids():
    near = [Scored("b", 0.5), Scored("a", 0.5)]

    assert fused_ids(near, [], coverage=1.0, cosine={}) == ["a", "b"]


@given(COSINES, SCORES, COVERAGES)
def test_every_candidate_comes_once_with_a_score_from_zero_to_one(near, matched, coverage):
    fused = fuse(ranking(near), ranking(matched), coverage=coverage, cosine=near)

    assert {f.chunk_id for f in fused} == near.keys() | matched.keys()
    assert len({f.chunk_id for f in fused}) == len(fused)
    assert all(-1e-9 <= f.score <= 1 + 1e-9 for f in fused)
    assert [(-f.score, f.chunk_id) for f in fused] == sorted((-f.score, f.chunk_id) for f in fused)


@given(COSINES, SCORES, COVERAGES)
def test_who_is_better_on_both_sides_is_never_behind(near, matched, coverage):
    place = {
        f.chunk_id: f.score
        for f in fuse(ranking(near), ranking(matched), coverage=coverage, cosine=near)
    }

    for one in place:
        for other in place:
            nearer = near.get(one, -2) >= near.get(other, -2)  # what is not found is farther
            if nearer and matched.get(one, 0) >= matched.get(other, 0):
                assert place[one] >= place[other] - 1e-9


def test_keywords_that_hold_half_of_a_question_tell_candidates_apart_half_as_much():
    keyword = [Scored("a", 4.0), Scored("b", 2.0)]
    whole = fuse([], keyword, coverage=0.0, cosine={}, full_match=4.0)
    half = fuse([], keyword, coverage=0.0, cosine={}, full_match=8.0)

    assert [item.score for item in whole] == [1.0, 0.5]
    assert [item.score for item in half] == [0.5, 0.25]
