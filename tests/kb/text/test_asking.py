"""Which words of a question only ask, and which an answer has to be about."""

from __future__ import annotations

import pytest

from kb.text.asking import asking_terms, language_by_words, qualifiers
from kb.text.stemming import relatives
from kb.text.stop_words import LANGUAGES, function_words


@pytest.mark.parametrize(
    ("question", "asking"),
    [
        ("How high is the fee?", {"high"}),
        ("How old must a driver be?", {"old"}),
        ("What does the blue tent cost?", {"cost"}),
        ("When does the ferry leave the pier on Monday?", {"leav"}),
        ("How many days do interns have?", set()),
        ("What may I spend on books?", {"spend"}),
        ("Where does the shop repair scooters?", set()),
        ("Does the shop repair wood?", set()),
        ("Wie hoch ist die Miete?", {"hoch", "ist"}),
        ("How lasers are made", {"laser"}),
        ("", set()),
    ],
)
def test_degrees_and_verbs_are_told_by_their_place(question, asking):
    assert asking_terms(question) == asking


@pytest.mark.parametrize(
    ("question", "about"),
    [
        ("How many days of sick leave do interns have?", "day sick leav intern"),
        ("What does the blue tent cost?", "blu tent"),
        ("Which colour is the tent in 2019?", "tent 2019"),
        ("实习生年假几天？", "实 习 生 年"),
        ("病假工资怎么算？", "病 假 工 资"),
        ("Was kostet ein neuer Ausweis?", "neuer ausweis"),
        ("¿Cuánto cuesta la llave?", "cuesta llav"),
    ],
)
def test_an_answer_is_about_nouns_figures_and_what_stands_before_them(question, about):
    found = [min(held) for held in qualifiers(question)]
    assert sorted(found) == sorted(about.replace("blu ", "blue ").split())


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("Wie lange ist die Probezeit?", "de"),
        ("Wann verfällt Resturlaub?", "de"),
        ("¿Cuánto cuesta la llave?", "es"),
        ("Combien coûte la clé ?", "fr"),
        ("How long is the trial period?", "en"),
        ("man overboard alarm", "en"),
        ("试用期多长？", "en"),
    ],
)
def test_a_language_is_told_by_its_function_words(question, language):
    assert language_by_words(question) == language


def test_each_language_has_its_list_of_function_words():
    assert all(len(function_words(code)) > 90 for code in LANGUAGES)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("approv", "approver"),
        ("direct", "director"),
        ("year", "yearly"),
        ("lose", "lost"),
        ("lost", "loss"),
        ("krank", "krankheit"),
    ],
)
def test_words_of_one_origin_meet(one, other):
    assert relatives([one], [other]) == {other: one}
    assert relatives([other], [one]) == {one: other}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("intern", "internal"),
        ("sonderurlaub", "urlaub"),
        ("urlaub", "urlaubstag"),
        ("urlaubsantrag", "urlaub"),
        ("week", "weekend"),
        ("sick", "side"),
        ("red", "rest"),
        ("2018", "2019"),
    ],
)
def test_other_words_do_not(one, other):
    assert not relatives([one], [other])


def test_a_compound_meets_its_first_part_where_its_last_part_stands_too():
    assert relatives(["urlaubstag"], ["urlaub", "tage"]) == {"urlaub": "urlaubstag"}
    assert not relatives(["urlaubsantrag"], ["urlaub", "tage"])


@pytest.mark.parametrize(
    "part", ["how ", "how high is ", "what does a ", "a.", "了", "red-", "wie hoch ist "]
)
def test_the_terms_of_long_questions_are_told_in_linear_time(part):
    counts = []
    for repeats in (500, 1000):
        question = part * repeats
        counts.append(len(qualifiers(question)) + len(asking_terms(question)))
    assert counts[1] <= 2 * counts[0] + 2
