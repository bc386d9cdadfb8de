"""Which questions may ask the same."""

from __future__ import annotations

import math

import pytest

from kb.chat.ask.same_question import differing_words

SAME = [
    ("When does the shuttle leave?", "Could you please tell me when the shuttle leaves?"),
    ("Who approves a Buyer?", "By whom is a Buyer approved?"),
    ("How high is the deposit for a key?", "How high is the key deposit?"),
    ("我能不能退货？", "我能退货吗？"),
    ("Was kostet ein neuer Schlüssel?", "Bitte, was kostet der neue Schlüssel"),
]
NEVER = [
    ("Who has the key of room 12?", "Who has the key of room 13?"),
    ("What does release 4.2.1 repair?", "What does release 4.2.10 repair?"),
    ("What does plan A cost?", "What does plan B cost?"),
    ("What is AB-1234?", "What is AB-1243?"),
    ("Is it two days?", "Is it three days?"),
    ("May I park here?", "May I not park here?"),
    ("Can I cancel?", "Why can't I cancel?"),
    ("Darf ich hier rauchen?", "Darf ich hier nicht rauchen?"),
    ("¿Puedo pagar con tarjeta?", "¿No puedo pagar con tarjeta?"),
    ("可以退货吗？", "不可以退货吗？"),
    ("第三条说什么？", "第四条说什么？"),
    ("返品できますか", "返品できませんか"),
]
OTHER = [
    ("How much leave do I get per year?", "How much leave do I get per month?", 2),
    ("May I bring my son?", "May I bring my hat?", 2),
    ("Who opened the hut?", "When was the hut opened?", 3),
    ("How far is it from Oslo to Bergen?", "How far is it from Bergen to Oslo?", 4),
    ("¿Cuánto se tarda de Lugo a Vigo?", "¿Cuánto se tarda de Vigo a Lugo?", 4),
    ("How long is the probation?", "How long is the probation for cleaners?", 1),
    ("年假有几天？", "婚假有几天？", 2),
]


@pytest.mark.parametrize(("one", "other"), SAME[:-1])
def test_other_wordings_have_the_same_words(one: str, other: str):
    assert differing_words(one, other) == differing_words(other, one) == 0


@pytest.mark.parametrize(("one", "other"), NEVER)
def test_other_numbers_identifiers_and_negations_never_ask_the_same(one: str, other: str):
    assert differing_words(one, other) == differing_words(other, one) == math.inf


@pytest.mark.parametrize(("one", "other", "words"), OTHER)
def test_what_only_one_question_asks_for_is_counted(one: str, other: str, words: int):
    assert differing_words(one, other) == words
