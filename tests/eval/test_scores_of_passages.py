"""Chunking scores, citations, refusals and the bootstrap: hand-computed examples and properties."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.metrics.intervals import bootstrap_interval, paired_bootstrap
from eval.metrics.precision_recall import chunking_scores, citation_scores, refusal_precision

EXTENTS = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 50), st.integers(1, 30)).map(
        lambda raw: (raw[0], raw[1], raw[1] + raw[2])
    ),
    max_size=5,
)


def test_chunking_scores_count_characters_of_excerpts_and_chunks():
    # Excerpts: 10…30 and 80…90 of a. Chunks: 0…20 and 15…35 of a (overlap 5), 0…10 of b.
    scores = chunking_scores(
        [("a", 0, 20), ("a", 15, 35), ("b", 0, 10)], [("a", 10, 30), ("a", 80, 90)]
    )

    assert scores.recall == pytest.approx(20 / 30)
    assert scores.precision == pytest.approx(20 / 50)  # overlapping characters are paid for twice
    assert scores.iou == pytest.approx(20 / (50 + 10))


def test_nothing_retrieved_scores_zero():
    scores = chunking_scores([], [("a", 0, 10)])
    assert (scores.recall, scores.precision, scores.iou) == (0, 0, 0)


@settings(deadline=None)
@given(EXTENTS, EXTENTS)
def test_iou_never_exceeds_precision_or_recall(retrieved, references):
    scores = chunking_scores(retrieved, references)
    assert 0 <= scores.iou <= min(scores.precision, 1)
    assert 0 <= scores.recall <= 1
    assert scores.precision <= 1 + 1e-9


@settings(deadline=None)
@given(EXTENTS.filter(bool))
def test_retrieving_the_excerpts_themselves_is_found_in_full(references):
    distinct = [
        extent for n, extent in enumerate(references)
        if not any(e[0] == extent[0] and e[1] < extent[2] and extent[1] < e[2]
                   for e in references[:n])
    ]  # fmt: skip
    scores = chunking_scores(distinct, distinct)
    assert (scores.recall, scores.precision, scores.iou) == (1, 1, 1)


def test_citations_are_right_if_they_rest_on_a_relevant_part():
    scores = citation_scores([{0}, set(), {0, 2}], relevant=4)
    assert (scores.precision, scores.recall) == (pytest.approx(2 / 3), pytest.approx(2 / 4))


def test_citing_nothing_is_right_only_if_there_is_nothing_to_cite():
    assert citation_scores([], relevant=2).precision == 0
    assert citation_scores([], relevant=0) == citation_scores([], relevant=0).__class__(1, 1)


def test_a_refusal_is_right_where_the_documents_do_not_answer():
    assert refusal_precision([False, True, False, False]) == 3 / 4
    assert refusal_precision([]) is None


def test_an_interval_holds_the_mean_and_narrows_with_more_values():
    few, many = bootstrap_interval([0, 1] * 10), bootstrap_interval([0, 1] * 500)

    assert few.low < few.mean == 0.5 < few.high
    assert many.high - many.low < few.high - few.low
    # The normal approximation: ±1.96 · 0.5 / √1000
    assert many.high - many.mean == pytest.approx(1.96 * 0.5 / 1000**0.5, abs=0.006)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    values = [number**2 / 900 for number in range(30)]
    assert bootstrap_interval(values, seed=1) == bootstrap_interval(values, seed=1)
    assert bootstrap_interval(values, seed=1) != bootstrap_interval(values, seed=2)


def test_a_small_gain_on_every_question_is_seen_only_by_pairing():
    before = [0.0, 0.2, 0.4, 0.6, 0.8] * 8
    after = [value + 0.02 for value in before]

    assert bootstrap_interval(after).low < bootstrap_interval(before).high  # they overlap
    assert paired_bootstrap(before, after).p_value < 0.01
    assert paired_bootstrap(before, after).mean == pytest.approx(0.02)


def test_no_difference_has_a_p_value_of_one_and_chance_a_large_one():
    assert paired_bootstrap([1, 0, 1], [1, 0, 1]).p_value == 1
    assert paired_bootstrap([1, 0] * 20, [0, 1] * 20).p_value > 0.5


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=20), st.integers(0, 3))
def test_turning_a_comparison_round_turns_its_sign(values, seed):
    other = values[1:] + values[:1]
    one, back = (paired_bootstrap(*pair, seed=seed, samples=200)
                 for pair in ((values, other), (other, values)))  # fmt: skip
    assert one.mean == pytest.approx(-back.mean, abs=1e-12)
    assert (one.low, one.high) == (pytest.approx(-back.high), pytest.approx(-back.low))


def test_a_mean_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        bootstrap_interval([])
