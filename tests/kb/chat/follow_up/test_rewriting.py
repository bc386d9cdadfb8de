"""What is searched for a follow-up: the model's question where there is one, else the rule's."""

from __future__ import annotations

import asyncio

import pytest

from kb.chat.follow_up import follow_ups
from kb.chat.follow_up.side_model import SideModel
from kb.knowledge_base import KnowledgeBase
from kb.store.access import usage
from kb.store.apps import apps, models
from kb.types import App, AppVersion, Model, RunEvent, Sources, Turn, Variant
from tests.chatting import answer, conversation, message
from tests.parts import ADMIN, ask, publish, register

REWRITTEN = "When exactly does the moon rise?"
HISTORY = [Turn("When does the moon rise?", "The moon rises at nine.")]
LONG = "Which of the many lakes and rivers that were named in the reports is the deepest of all?"


def searched(events: list[RunEvent]) -> str:
    return next(event.query for event in events if isinstance(event, Sources))


def version(kb: KnowledgeBase, app: App) -> AppVersion:
    return kb.database.reading(apps.version, ADMIN, app.id, 1)


def rewrite(kb: KnowledgeBase, of: AppVersion, query: str, timeout_s: float = 5.0) -> str:
    async def whole() -> str:
        side_model = SideModel(kb.database, kb.chat_models, timeout_s=timeout_s)
        try:
            return await follow_ups.rewrite(side_model, ADMIN, of, query, HISTORY)
        finally:
            await kb.chat_models.close()

    return asyncio.run(whole())


def test_the_search_gets_the_models_question_and_the_answering_model_the_users(kb, sky, upstream):
    register(kb, upstream.base_url, f"say:{REWRITTEN}")
    publish(
        kb, "asked", dataset_ids=(sky,), base=Variant(f"say:{REWRITTEN}"), tuned=Variant("echo")
    )
    first = ask(kb, "asked", "When does the moon rise?", route="tuned")
    talk = conversation(kb, first).id
    events = ask(kb, "asked", "When exactly?", conversation_id=talk, route="tuned")

    assert searched(events) == message(kb, events).search_query == REWRITTEN
    assert answer(events).timings_ms["rewrite"] > 0
    rewriting, answering = (request["messages"] for request in upstream.requests[-2:])
    assert "When does the moon rise?" in rewriting[-1]["content"]
    assert answering[-1]["content"] == "When exactly?"
    assert message(kb, events).query == "When exactly?"


def test_a_first_question_is_never_rewritten(kb, sky, upstream):
    publish(kb, "fresh", dataset_ids=(sky,), base=Variant("echo"))
    asked = len(upstream.requests)
    events = ask(kb, "fresh", "How long is it?")
    assert (searched(events), len(upstream.requests)) == ("How long is it?", asked + 1)
    assert answer(events).timings_ms["rewrite"] == 0


def test_a_long_question_of_its_own_costs_no_call(kb, sky, upstream):
    publish(kb, "selfish", dataset_ids=(sky,), base=Variant("echo"))
    talk = conversation(kb, ask(kb, "selfish", "When does the moon rise?")).id
    asked = len(upstream.requests)
    assert searched(ask(kb, "selfish", LONG, conversation_id=talk)) == LONG
    assert len(upstream.requests) == asked + 1, "for the answer"


def test_without_documents_there_is_nothing_to_rewrite_for(kb, sky, upstream):
    publish(kb, "chatty", dataset_ids=(sky,), base=Variant("echo", retrieval=None))
    talk = conversation(kb, ask(kb, "chatty", "When does the moon rise?")).id
    asked = len(upstream.requests)
    events = ask(kb, "chatty", "Why?", conversation_id=talk)
    assert len(upstream.requests) == asked + 1
    assert message(kb, events).search_query is None


def test_without_a_model_the_rule_finds_what_a_follow_up_is_about(kb, sky):
    publish(kb, "quoting", dataset_ids=(sky,), base=Variant("extractive"))
    talk = conversation(kb, ask(kb, "quoting", "Does the moon rise?")).id
    events = ask(kb, "quoting", "When?", conversation_id=talk)

    assert searched(events) == "When (moon rise)?"
    assert "nine" in answer(events).answer
    assert answer(events).grounded is True


@pytest.mark.parametrize(
    "model", ["fail:500", "stall", "cut", "say: ", "say:I am sorry, I cannot help with requests."]
)
def test_whatever_goes_wrong_with_the_model_the_rule_takes_over(kb, sky, upstream, model):
    register(kb, upstream.base_url, model)
    app = publish(kb, f"broken-{abs(hash(model))}", dataset_ids=(sky,), base=Variant(model))
    assert rewrite(kb, version(kb, app), "Why?", timeout_s=1.0) == "Why (moon rise)?"


def test_a_model_that_only_completes_text_is_not_asked(kb, sky, upstream):
    tuned = Model("completes", "openai", upstream.base_url, "echo", style="completion")
    kb.database.writing(models.put, ADMIN, kb.secrets, tuned)
    app = publish(kb, "completing", dataset_ids=(sky,), base=Variant("completes"))
    asked = len(upstream.requests)
    assert rewrite(kb, version(kb, app), "Why?") == "Why (moon rise)?"
    assert len(upstream.requests) == asked


def test_labels_and_quotes_around_the_models_question_are_taken_off(kb, sky, upstream):
    name = f'say:Question: "{REWRITTEN}"'
    register(kb, upstream.base_url, name)
    app = publish(kb, "labelled", dataset_ids=(sky,), base=Variant(name))
    assert rewrite(kb, version(kb, app), "When exactly?") == REWRITTEN


def test_a_side_question_holds_no_hidden_prompt_and_is_counted(kb, sky, upstream):
    name = f"say:{REWRITTEN}"
    register(kb, upstream.base_url, name)
    app = publish(
        kb, "counted", prompt="Secret: quicksilver.", dataset_ids=(sky,), base=Variant(name)
    )
    rewrite(kb, version(kb, app), "When exactly?")
    assert "quicksilver" not in str(upstream.requests[-1])
    spent = {item.name: item for item in kb.database.reading(usage.totals, ADMIN, "app")}
    assert spent[app.id].answers == 0
    assert spent[app.id].completion_tokens > 0
