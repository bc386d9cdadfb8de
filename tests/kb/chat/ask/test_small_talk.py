"""Who only greets, or asks what the app can do, gets its opening and no refusal."""

from __future__ import annotations

import tomllib
from importlib.resources import files

import pytest

from kb.chat.ask.small_talk import small_talk
from kb.store.apps import apps
from kb.text.fixed_sentences import fixed_sentence
from kb.text.languages import LANGUAGES
from kb.types import Sources, Variant
from tests.chatting import answer, conversation
from tests.parts import ADMIN, ask, ingest, publish, register

GREETINGS = [
    "Hello",
    "hi there!",
    "Good morning, team",
    "Hey! How are you?",
    "Thanks a lot!",
    "What can you do?",
    "Who are you",
    "What can I ask you?",
    "Help",
    "Hi, what can you do for me?",
    "Guten Tag!",
    "Was kannst du alles?",
    "Bonjour, que peux-tu faire ?",
    "¡Hola! ¿Qué puedes hacer?",
    "Buongiorno",
    "Olá, tudo bem?",
    "Hej",
    "Dzień dobry",
    "Wie geht's?",
    "你好！",
    "您好，你能做什么？",
    "你是谁？",
    "谢谢",
    "こんにちは",
    "何ができますか？",
    "OK",
    "ok, thanks!",
    "Thanks, bye 👋",
    "👍",
    "好的，谢谢",
    "知道了",
    "謝謝，再見",
    "Alles klar, danke!",
    "Vale, muchas gracias",
    "D'accord, merci",
    "分かりました。ありがとうございます。",
    "네, 감사합니다",
    "Хорошо, спасибо!",
    "how does this work?",
]

REPLIES = {
    "thanks": {
        "en": "Thank you so much!", "zh": "谢谢您的帮助！", "zh-Hant": "謝謝您的幫助！",
        "ja": "どうもありがとうございます。", "ko": "정말 감사합니다!", "de": "Vielen Dank!",
        "fr": "Merci beaucoup !", "es": "¡Muchas gracias!", "pt": "Muito obrigada!",
        "it": "Grazie mille!", "nl": "Dank u wel!", "pl": "Dziękuję bardzo!",
        "ru": "Большое спасибо!", "tr": "Teşekkür ederim!", "ar": "شكراً جزيلاً!",
        "vi": "Cảm ơn bạn nhiều!",
    },
    "farewell": {
        "en": "Goodbye!", "zh": "再见", "zh-Hant": "再見", "ja": "さようなら",
        "ko": "안녕히 계세요", "de": "Auf Wiedersehen", "fr": "Au revoir",
        "es": "Hasta luego", "pt": "Até logo",
        "it": "Arrivederci", "nl": "Tot ziens", "pl": "Do widzenia", "ru": "До свидания",
        "tr": "Görüşürüz", "ar": "مع السلامة", "vi": "Tạm biệt",
    },
    "agreement": {
        "en": "OK", "zh": "知道了", "zh-Hant": "沒問題", "ja": "了解です", "ko": "알겠습니다",
        "de": "Alles klar", "fr": "D'accord", "es": "De acuerdo", "pt": "Está bem",
        "it": "Va bene", "nl": "Begrepen", "pl": "W porządku", "ru": "Понятно", "tr": "Tamam",
        "ar": "حسناً", "vi": "Được rồi",
    },
    "opening": {
        "en": "What can you do?", "zh": "你能做什么？", "zh-Hant": "您能做什麼？",
        "ja": "何ができますか？", "ko": "무엇을 할 수 있나요?", "de": "Was können Sie tun?",
        "fr": "Que pouvez-vous faire ?", "es": "¿Qué puedes hacer?",
        "pt": "O que você pode fazer?", "it": "Cosa sai fare?", "nl": "Wat kunt u doen?",
        "pl": "Co potrafisz?", "ru": "Что ты умеешь?", "tr": "Neler yapabilirsin?",
        "ar": "ماذا يمكنك أن تفعل؟", "vi": "Bạn có thể làm gì?",
    },
}  # fmt: skip

QUESTIONS = [
    "Hello, how long is parental leave?",
    "What can you do about a broken lift?",
    "Who are the managers?",
    "hello world program",
    "Help with payroll",
    "What is HI?",
    "Thanks to whom was it built?",
    "Hola, ¿cuántos días de vacaciones hay?",
    "你好，年假有几天？",
    "怎么用打印机？",
    "All",
    "What is this rule?",
    "?",
    "42",
    "OK Cafe opening hours",
    "What is the hello protocol?",
    "您好公司",
    "您好公司在哪里？",
    "Danke GmbH",
    "Was macht die Danke GmbH?",
    "Guten Morgen GmbH Adresse",
    "Erste Hilfe",
    "Thanks, and how long is parental leave?",
    "Who are you going to hire?",
    "谢谢你，年假有几天？",
    "可以吗？",
    "Und morgen?",
    "Y ahora?",
    "大丈夫ですか？",
    "안녕 주식회사",
    "Merci Lyon",
    "Bye-law 7",
    "Good Hope site address",
    "Super 8 film",
    "Спасибо Банк",
    "👍👍 how many days?",
]


@pytest.mark.parametrize("query", GREETINGS)
def test_a_greeting_and_a_question_about_the_app_are_known(query: str):
    assert small_talk(query, is_first=True)


def test_every_phrase_of_every_language_is_known_and_no_language_lacks_a_kind():
    lists = tomllib.loads((files("kb.chat.ask") / "small_talk.toml").read_text("utf-8"))
    assert set(lists) == LANGUAGES
    assert {frozenset(kinds) for kinds in lists.values()} == {frozenset(lists["en"])}
    for language, kinds in lists.items():
        for phrase in (p for kind, told in kinds.items() if kind != "filler" for p in told):
            assert language in small_talk(phrase, is_first=True), phrase


@pytest.mark.parametrize("query", QUESTIONS)
def test_a_question_with_a_greeting_is_a_question(query: str):
    assert not small_talk(query, is_first=True)


@pytest.mark.parametrize("occasion", REPLIES)
def test_thanks_goodbye_and_ok_get_a_short_sentence_of_their_own_in_their_language(
    kb, sky, occasion
):
    publish(kb, f"polite-{occasion}", dataset_ids=(sky,), base=Variant("extractive"))
    for language, query in REPLIES[occasion].items():
        done = answer(ask(kb, f"polite-{occasion}", query))
        assert done.answer == fixed_sentence(occasion, language)
        assert (done.finish_reason, done.grounded) == ("stop", None)


def test_a_word_of_several_languages_is_answered_in_that_of_the_conversation(kb, sky):
    publish(kb, "polyglot", dataset_ids=(sky,), base=Variant("extractive"))
    talk = conversation(kb, ask(kb, "polyglot", "Wann geht heute der Mond auf?")).id
    assert answer(ask(kb, "polyglot", "ok", conversation_id=talk)).answer == "In Ordnung."
    assert answer(ask(kb, "polyglot", "ok")).answer == "All right."


FAQ = """\
# Blue Harbour

## Who are you?

We are Blue Harbour, a family business in Bergen.

## Opening hours

The office opens at nine.
"""
ROWS = (
    "Question,Answer\nWhat can you do?,We repair outboard engines.\nThanks,Visit us again soon.\n"
)
MAIL = "Hello,\n\nthe crane is out of order.\n\nThanks,\nIngrid\n"


def test_what_the_documents_say_to_just_this_message_is_said(kb):
    harbour = kb.create_dataset(ADMIN, "harbour").id
    ingest(kb, harbour, {"faq.md": FAQ, "rows.csv": ROWS, "mail.txt": MAIL})
    publish(kb, "harbour", dataset_ids=(harbour,), base=Variant("extractive"))

    assert "family business" in answer(ask(kb, "harbour", "Who are you?")).answer
    assert "outboard engines" in answer(ask(kb, "harbour", "what can you do")).answer
    assert "again soon" in answer(ask(kb, "harbour", "Thanks!")).answer
    assert answer(ask(kb, "harbour", "Hello")).answer == fixed_sentence("opening", "en")


def test_a_model_hears_the_yes_to_what_it_has_asked(kb, sky, upstream):
    register(kb, upstream.base_url, "echo")
    publish(kb, "asking", dataset_ids=(sky,), base=Variant("echo"), refusal="Not here.")
    talk = conversation(kb, ask(kb, "asking", "When does the moon rise?")).id
    asked = len(upstream.requests)
    ask(kb, "asking", "Yes", conversation_id=talk)
    assert len(upstream.requests) > asked


def test_a_greeting_gets_the_opening_of_the_app(kb, sky):
    publish(kb, "greeter", dataset_ids=(sky,), base=Variant("extractive"), refusal="Not here.")
    events = ask(kb, "greeter", "Good morning!")
    assert answer(events).answer == fixed_sentence("opening", "en")
    kb.database.writing(apps.change, ADMIN, "greeter", {"opening": "Ask me about the sky."})

    done = answer(ask(kb, "greeter", "你好"))
    assert (done.answer, done.finish_reason, done.grounded) == (
        "Ask me about the sky.",
        "stop",
        None,
    )
    assert not any(isinstance(event, Sources) for event in events)


def test_a_greeting_to_an_app_with_a_refusal_asks_no_model(kb, sky, upstream):
    register(kb, upstream.base_url, "echo")
    publish(kb, "modelled", dataset_ids=(sky,), base=Variant("echo"), refusal="Not here.")
    asked = len(upstream.requests)
    assert answer(ask(kb, "modelled", "Hello")).answer == fixed_sentence("opening", "en")
    assert len(upstream.requests) == asked


@pytest.mark.parametrize("phrase", ["你会什么", "谢谢你好", "谢谢你", "hi there "])
def test_a_phrase_often_repeated_before_something_else_is_soon_known_for_no_greeting(phrase):
    """With two ways to read a phrase, 40 of them would take for ever."""
    assert small_talk(phrase * 40)
    assert not small_talk(phrase * 40 + "pump")
