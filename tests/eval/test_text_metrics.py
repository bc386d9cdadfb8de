"""What is measured of words: answers in passages, exact match and F1, in several scripts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.metrics import tokens
from eval.metrics.answers import (
    answer_in,
    answer_recall,
    answer_units,
    exact_match,
    searchable,
    token_f1,
    within,
)


@pytest.mark.parametrize(
    ("text", "answer", "stands"),
    [
        ("Founded in 1970, it grew.", "1970", True),
        ("Founded in 1970, it grew.", "70", False),
        ("between 1990–2000", "1990", True),
        ("He cost $1,000\n(one thousand).", "1,000 (One", True),
        ("全角：ＡＢＣ１２３。", "abc123", True),
        ("汉中王刘备封五虎大将", "刘备", True),
        ("汉中王刘 备", "刘备", True),
        ("梅雨がないのは小笠原諸島を除く", "小笠原諸島", True),
        ("C++ and C#", "++", True),
        ("nothing here", "", False),
    ],
)
def test_an_answer_is_found_by_its_words_whole_and_in_order(text, answer, stands):
    assert answer_in([text], [answer]) == float(stands)


def test_one_answer_is_enough_unless_all_are_needed():
    texts = ["Guan Yu rode ahead.", "Zhang Fei followed."]
    answers = ["Guan Yu", "Zhang Fei", "Zhao Yun"]

    assert answer_in(texts, answers) == 1
    assert answer_in(texts, answers, need="all") == pytest.approx(2 / 3)
    assert answer_in(texts, []) == 0


def test_an_answer_beyond_the_budget_does_not_count():
    texts = ["one two three", "four five six"]

    def words(text: str) -> list[tuple[int, int]]:
        return [(at, at + len(word)) for word in text.split() for at in [text.index(word)]]

    assert list(within(texts, 5, words)) == ["one two three", "four five"]
    assert answer_recall(texts, ["five"], offsets=words, tokens=5) == 1
    assert answer_recall(texts, ["six"], offsets=words, tokens=5) == 0
    assert answer_recall(texts, ["six"], offsets=words, tokens=6) == 1


def test_budgets_are_counted_in_the_tokens_of_the_bundled_model():
    assert len(tokens.offsets("The committee met.")) == 4
    assert len(tokens.offsets("三国演义")) == 4


@settings(deadline=None)
@given(st.lists(st.text(max_size=40), max_size=4), st.integers(1, 30))
def test_no_more_than_the_budget_is_read(texts, budget):
    kept = list(within(texts, budget, tokens.offsets))

    assert sum(len(tokens.offsets(text)) for text in kept[:-1]) <= budget
    assert all(text.startswith(part) for text, part in zip(texts, kept, strict=False))


def test_exact_match_forgives_case_articles_punctuation_and_width():
    assert exact_match("The Rhine.", ["rhine"]) == 1
    assert exact_match("ＡＢＣ", ["abc"]) == 1
    assert exact_match("「踢爆」。", ["踢爆"]) == 1
    assert exact_match("the Rhine delta", ["rhine", "Danube"]) == 0


def test_a_question_without_an_answer_is_matched_by_silence_alone():
    assert (exact_match("", []), token_f1("", [])) == (1, 1)
    assert (exact_match("something", []), token_f1("something", [])) == (0, 0)


def test_f1_takes_words_as_a_bag_and_the_best_of_the_right_answers():
    # 2 of 3 words right, 2 of 4 words found: 2·2 / (3 + 4)
    assert token_f1("old grey castle", ["castle grey stone tower"]) == pytest.approx(4 / 7)
    assert token_f1("old grey castle", ["no", "grey castle old"]) == 1


def test_f1_of_chinese_and_japanese_is_over_characters():
    assert token_f1("刘备和关羽", ["刘备"]) == pytest.approx(2 * 2 / (5 + 2))
    assert token_f1("小笠原", ["小笠原諸島"]) == pytest.approx(2 * 3 / (3 + 5))


@settings(deadline=None)
@given(st.text(max_size=60))
def test_every_answer_matches_itself(text):
    assert exact_match(text, [text]) == 1
    assert token_f1(text, [text]) == 1


@settings(deadline=None)
@given(st.text(max_size=30), st.text(max_size=30))
def test_f1_is_symmetric_and_at_least_exact_match(one, other):
    assert token_f1(one, [other]) == pytest.approx(token_f1(other, [one]))
    assert exact_match(one, [other]) <= token_f1(one, [other]) <= 1


@settings(deadline=None)
@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_words_between_blanks_are_found_in_any_text_around_them(before, middle, after):
    assert searchable(middle) in searchable(f"{before} {middle} {after}")


def test_normalisation_keeps_words_and_splits_unspaced_scripts():
    assert answer_units("The U.S.-based 东京 team") == ["usbased", "东", "京", "team"]
    assert searchable("U.S.-based 东京") == " u s based 东 京 "
