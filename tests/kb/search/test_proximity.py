"""What share of a question stands together in a passage, and what a score means."""

import math
from dataclasses import replace

import pytest

from kb.protocols import Calibration, Frequencies
from kb.search.scoring import (
    LEAST_CHUNKS,
    MOST_MEANING,
    SURE_SCORE,
    WINDOW,
    Signals,
    background,
    chance,
    on_scale,
    proximities,
    term_weights,
)

EVEN = {"mill": 1.0, "river": 1.0, "rye": 1.0, "oats": 1.0}
FILL = ["filler"] * (WINDOW + 1)


def near(words: list[str]):
    (found,) = proximities(EVEN, [words])
    return found


def test_the_window_holds_what_stands_within_a_sentence_or_two():
    assert near(["mill", "by", "the", "river"]).window == 0.5
    assert near(["mill", *FILL, "river"]).window == 0.25
    assert near(["mill", *FILL, "river", "rye"]).window == 0.5


def test_a_word_counts_once_in_a_window_however_often_it_stands_there():
    assert near(["mill", "mill", "mill"]).window == 0.25


def test_pairs_are_neighbours_in_the_question_and_in_the_passage():
    assert near(["mill", "river", "oats"]).pairs == pytest.approx(1 / 3)
    assert near(["river", "mill"]).pairs == 0
    assert near(["mill", "the", "river"]).pairs == 0


def test_bm25_is_one_for_a_passage_of_usual_length_with_every_term_once():
    assert near(list(EVEN)).bm25 == pytest.approx(1.0)
    assert near(["mill", "river", "x", "x"]).bm25 == pytest.approx(0.5)


def test_a_passage_without_any_term_has_nothing():
    assert near(["something", "else"]) == near([])


def test_rare_terms_tell_more_and_absent_ones_most():
    weights = {"common": 1.0, "rare": 1.0, "absent": 1.0}
    found = term_weights(weights, Frequencies(2000, {"common": 1500, "rare": 3}))
    assert found["common"] < found["rare"] < found["absent"]
    assert found["rare"] == pytest.approx(math.log(1 + (2000 - 3 + 0.5) / 3.5))


def test_in_a_small_collection_what_is_held_tells_nearly_as_much_as_what_is_not():
    found = term_weights({"held": 1.0, "absent": 1.0}, Frequencies(3, {"held": 2}))
    assert found["held"] > 0.7 * found["absent"]
    assert found["absent"] == pytest.approx(math.log(1 + (LEAST_CHUNKS + 0.5) / 0.5))


def test_a_question_without_terms_is_near_to_nothing():
    (found,) = proximities({}, [["mill"]])
    assert (found.window, found.pairs, found.bm25) == (0, 0, 0)


def test_more_evidence_is_a_greater_chance():
    weak = Signals(bm25=0.2, window=0.1, pairs=0.0, meaning=0.2)
    strong = Signals(bm25=1.0, window=0.7, pairs=0.3, meaning=0.5)
    assert 0 < chance(weak) < 0.1
    assert 0.9 < chance(strong) < 1


CROWDED = Calibration(0.8, 0.9, -5.5, bm25=0.0, window=5.0, meaning=5.0, alone=(-1.5, 2.5))


def test_cosines_that_a_model_crowds_together_are_told_apart_on_its_own_scale():
    far, between, near = (on_scale(cosine, CROWDED) for cosine in (0.79, 0.85, 0.9))
    assert (far, between, near) == pytest.approx((0, 0.5, 1))
    assert on_scale(0.99, CROWDED) == MOST_MEANING


def test_cosines_of_a_language_that_all_lie_higher_mean_as_much_less():
    high = replace(CROWDED, shifts={"zh": 0.03})
    assert on_scale(0.86, high, "zh") == pytest.approx(on_scale(0.83, high, "de"))


def test_a_near_passage_answers_across_languages_and_a_far_one_does_not():
    near, far = (Signals(0.05, 0.05, 0.0, 0.1, across=cosine) for cosine in (0.9, 0.1))
    assert chance(far, CROWDED) < SURE_SCORE < chance(near, CROWDED)
    assert chance(replace(near, across=None), CROWDED) < SURE_SCORE


def test_what_stands_out_among_the_candidates_is_a_greater_chance():
    known = replace(CROWDED, lead=5.0)
    level, ahead = (Signals(0.4, 0.4, 0.0, 0.4, lead=lead) for lead in (0.0, 0.6))
    assert chance(level, known) < SURE_SCORE < chance(ahead, known)
    assert background([0.9, 0.8, 0.8, 0.6, 0.5]) == pytest.approx(0.55)
    assert background([0.9, 0.8, 0.8]) is None


def test_words_that_are_shared_must_stand_together_however_near_the_meaning_is():
    apart, together = (Signals(0.4, window, 0.0, 0.4) for window in (0.2, 0.9))
    assert chance(apart, CROWDED) < SURE_SCORE < chance(together, CROWDED)


def test_without_a_common_word_the_meaning_decides():
    assert chance(Signals(0.0, 0.0, 0.0, 0.62)) == 0.62
    assert chance(Signals(0.0, 0.0, 0.0, -0.1)) == 0.0
