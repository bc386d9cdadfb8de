"""The language of a question: told where it can be, never guessed from a name."""

import pytest

from kb.text.languages import LANGUAGES, language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How long is the notice period?", "en"),
        ("退款需要多长时间？", "zh"),
        ("请问 OpenAI API 的限额是多少？", "zh"),
        ("返金にはどのくらいかかりますか？", "ja"),
        ("환불은 얼마나 걸리나요?", "ko"),
        ("Сколько длится возврат?", "ru"),
        ("Скільки триває її повернення?", "uk"),
        ("كم تستغرق عملية الاسترداد؟", "ar"),
        ("Πόσο διαρκεί η επιστροφή;", "el"),
        ("Wie lange dauert die Rückerstattung?", "de"),
        ("Combien de temps est-ce que le remboursement prend ?", "fr"),
        ("¿Cuánto tarda el reembolso?", "es"),
        ("Quanto tempo ci vuole per il rimborso?", "it"),
        ("Quanto tempo leva o reembolso e como posso pedir?", "pt"),
        ("Hoe lang duurt het voordat ik mijn geld terug heb?", "nl"),
        ("kubectl", None),
        ("42?", None),
        ("", None),
    ],
)
def test_the_language_of_a_question(text: str, language: str | None):
    assert language_of(text) == language
    assert language is None or language in LANGUAGES
