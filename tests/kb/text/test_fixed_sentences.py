"""What the product itself says: in every language that it tells, in that of who asks."""

from __future__ import annotations

from typing import get_args

import pytest

from kb.models.llm.extractive import extractive_answer
from kb.text.fixed_sentences import Occasion, fixed_sentence, fixed_sentences
from kb.text.languages import LANGUAGES, language_of, spoken_language
from kb.types import EndPiece, TextPiece

UNANSWERED = {
    "en": "How deep is the harbour basin?",
    "zh": "港池有多深？请告诉我。",
    "zh-Hant": "港池有多深？請告訴我。",
    "ja": "港の水深はどのくらいですか？",
    "ko": "항구의 수심은 얼마입니까?",
    "de": "Wie tief ist das Hafenbecken?",
    "fr": "Quelle est la profondeur du bassin du port ?",
    "es": "¿Qué profundidad tiene la dársena del puerto?",
    "pt": "Qual é a profundidade da doca do porto?",
    "it": "Quanto è profondo il bacino del porto?",
    "nl": "Hoe diep is het havenbekken?",
    "pl": "Jak głęboki jest basen portowy?",
    "ru": "Какова глубина портового бассейна?",
    "tr": "Liman havuzu ne kadar derin?",
    "ar": "ما هو عمق حوض الميناء؟",
    "vi": "Bến cảng sâu bao nhiêu mét?",
}


def test_no_language_lacks_a_sentence():
    assert set(fixed_sentences()) == LANGUAGES | {"zh-Hant"}
    for said in fixed_sentences().values():
        assert set(said) == set(get_args(Occasion))
        assert all(sentence.strip() == sentence != "" for sentence in said.values())


def test_the_sentences_of_a_language_are_written_in_it():
    for language, said in fixed_sentences().items():
        told = language_of(" ".join(said.values()))
        assert told == language.partition("-")[0]


@pytest.mark.parametrize("language", UNANSWERED)
def test_a_refusal_is_in_the_language_of_the_question(language):
    said, end = extractive_answer(UNANSWERED[language], ())
    assert said == TextPiece(fixed_sentence("refused", language))
    assert end == EndPiece("refused", grounded=False)


@pytest.mark.parametrize("language", UNANSWERED)
def test_of_a_message_too_short_to_tell_the_conversation_tells_the_language(language):
    assert spoken_language("XR-7?", (UNANSWERED[language], "42")) == language


@pytest.mark.parametrize(
    ("query", "earlier", "language"),
    [
        ("MK-77", (), "en"),
        ("", (), "en"),
        ("Спасибо", (), "ru"),
        ("休暇？", (UNANSWERED["ja"],), "ja"),
        ("年假？", (UNANSWERED["zh-Hant"],), "zh-Hant"),
        ("年假谁批准？", (UNANSWERED["ja"],), "zh"),
        ("乾隆皇帝是谁？", (), "zh"),
        (UNANSWERED["de"], (UNANSWERED["zh"],), "de"),
        ("Kaution?", (UNANSWERED["fr"], UNANSWERED["de"]), "de"),
    ],
)
def test_the_question_tells_before_the_conversation_and_what_was_said_last_before_the_rest(
    query, earlier, language
):
    assert spoken_language(query, earlier) == language
