"""Who only greets, or asks what the app can do, gets its opening and no refusal."""

from __future__ import annotations

import pytest

from kb.chat.ask.greetings import is_greeting
from kb.store.apps import apps
from kb.text.fixed_sentences import fixed_sentence
from kb.types import Sources, Variant
from tests.chatting import answer
from tests.parts import ADMIN, ask, publish, register

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
]

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
]


@pytest.mark.parametrize("query", GREETINGS)
def test_a_greeting_and_a_question_about_the_app_are_known(query: str):
    assert is_greeting(query)


@pytest.mark.parametrize("query", QUESTIONS)
def test_a_question_with_a_greeting_is_a_question(query: str):
    assert not is_greeting(query)


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
    assert is_greeting(phrase * 40)
    assert not is_greeting(phrase * 40 + "pump")
