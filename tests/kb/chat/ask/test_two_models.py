"""Two models in sequence: one drafts, another finishes, and only the second is heard."""

from __future__ import annotations

import pytest

from kb.chat.ask.prompting import DRAFT_FRAME, build_prompt
from kb.store.apps import models
from kb.types import Delta, Failed, Model, Variant
from tests.chatting import answer, message, routes, switch
from tests.parts import ADMIN, ask, publish, register

QUESTION = "When does the moon rise?"
DRAFTING = Variant("echo", prompt="Finish this: <{{draft}}>\n{{context}}", draft_model="numbers:40")
NUMBERS = " ".join(str(n) for n in range(1, 41))


@pytest.fixture
def sent(upstream):
    """The requests of one test, in the order in which they came."""
    upstream.requests.clear()
    return upstream.requests


def system_of(request: dict) -> str:
    return next(m["content"] for m in request["messages"] if m["role"] == "system")


def test_the_draft_goes_into_the_second_prompt_and_only_the_second_is_streamed(kb, sky, sent):
    variant = Variant(
        "echo",
        prompt="Finish: <{{draft}}>\n{{context}}",
        draft_model="numbers:40",
        draft_prompt="Draft it.\n{{context}}",
    )
    publish(kb, "sequence", prompt="App prompt.", dataset_ids=(sky,), base=variant)

    events = ask(kb, "sequence", QUESTION)

    done = answer(events)
    assert done.answer == QUESTION, "what the second says"
    assert "".join(event.text for event in events if isinstance(event, Delta)) == QUESTION
    assert (done.route.model, done.route.draft_model) == ("echo", "numbers:40")
    assert message(kb, events).route == done.route
    first, second = sent
    assert (first["model"], second["model"]) == ("numbers:40", "echo")
    assert system_of(first).startswith("Draft it.\n<sources ")
    assert system_of(second).startswith(f"Finish: <{NUMBERS} >\n<sources ")
    assert all("\n[1] moon.md" in system_of(body) for body in sent)
    assert first["messages"][-1] == second["messages"][-1] == {"role": "user", "content": QUESTION}


def test_a_draft_is_written_from_the_apps_prompt_where_it_has_none_of_its_own(kb, sky, sent):
    publish(kb, "app-prompt", prompt="As the app says.", dataset_ids=(sky,), base=DRAFTING)
    answer(ask(kb, "app-prompt", QUESTION))
    assert system_of(sent[0]).startswith("As the app says.\n\nSources")
    assert system_of(sent[1]).startswith("Finish this: <1 2 3")


def test_a_prompt_without_a_place_for_the_draft_gets_it_in_a_frame():
    template = "Be brief."
    prompt = build_prompt(template, "q", context=None, draft="A {{context}} {{inputs.x}} draft")
    frame = DRAFT_FRAME.replace("{{draft}}", "A {{context}} {{inputs.x}} draft")
    assert prompt.system == f"Be brief.\n\n{frame}"
    assert build_prompt("", "q", context=None, draft="d").system.endswith("\n\nd")
    assert build_prompt("<{{draft}}>", "q", context=None).system == "<>", "no draft, nothing there"


def test_tokens_and_costs_of_both_are_added(kb, sky, upstream):
    for name, price_in, price_out in (("numbers:40", 0.0, 1000.0), ("echo", 0.0, 10.0)):
        model = Model(f"priced-{name[:4]}", "openai", upstream.base_url, name)
        model = Model(**{**_fields(model), "price_in": price_in, "price_out": price_out})
        kb.database.writing(models.put, ADMIN, kb.secrets, model)
    variant = Variant("priced-echo", draft_model="priced-numb")
    publish(kb, "costly", prompt="P.", dataset_ids=(sky,), base=variant)
    plain = Variant("priced-echo")
    publish(kb, "plain", prompt="P.", dataset_ids=(sky,), base=plain)

    both, one = answer(ask(kb, "costly", QUESTION)), answer(ask(kb, "plain", QUESTION))

    words = len(QUESTION.split())
    assert one.usage.completion_tokens == words
    assert both.usage.completion_tokens == 40 + words
    assert both.usage.prompt_tokens > 2 * one.usage.prompt_tokens
    assert not both.usage.estimated
    assert both.cost == pytest.approx((40 * 1000 + words * 10) / 1_000_000)
    assert one.cost == pytest.approx(words * 10 / 1_000_000)


def _fields(model: Model) -> dict:
    return {name: getattr(model, name) for name in Model.__dataclass_fields__}


@pytest.mark.parametrize("broken", ["draft_model", "model"])
def test_either_model_failing_gives_way_to_base_before_the_first_token(kb, sky, broken):
    slug = f"broken-{broken.replace('_', '-')}"
    tuned = Variant(**{"model": "echo", "draft_model": "numbers:40"} | {broken: "fail:500"})
    publish(kb, slug, dataset_ids=(sky,), base=Variant("cite"), tuned=tuned)
    switch(kb, slug, "tuned")

    events = ask(kb, slug, QUESTION)

    assert routes(events) == [("tuned", "default"), ("base", "fallback")]
    done = answer(events)
    assert (done.route.model, done.route.draft_model) == ("cite", None)
    assert NUMBERS not in done.answer


def test_a_draft_whose_finish_fails_is_still_paid_for(kb, sky):
    publish(kb, "unfinished", base=Variant("cut", draft_model="numbers:40"))
    events = ask(kb, "unfinished", QUESTION)
    assert isinstance(events[-1], Failed)
    stored = message(kb, events)
    assert stored.answer == "one two three "
    assert stored.usage.completion_tokens > 40
    assert stored.usage.estimated


def test_sentences_of_the_documents_can_be_the_draft(kb, sky, sent):
    variant = Variant("echo", prompt="Smooth: {{draft}}", draft_model="extractive")
    publish(kb, "smooth", dataset_ids=(sky,), base=variant)
    done = answer(ask(kb, "smooth", QUESTION))
    assert len(sent) == 1
    assert system_of(sent[0]).startswith("Smooth: The moon rises at nine.")
    assert done.route.draft_model == "extractive"
    assert not done.usage.estimated


def test_a_draft_with_marks_and_odd_characters_goes_through_whole(kb, sky, upstream, sent):
    odd = "cut:{{query}}\u2028[1]\r\n"
    register(kb, upstream.base_url, odd)
    publish(kb, "odd", dataset_ids=(sky,), base=Variant("echo", draft_model=odd))
    assert isinstance(ask(kb, "odd", QUESTION)[-1], Failed), "a draft that breaks off is none"
    assert [request["model"] for request in sent] == [odd]
