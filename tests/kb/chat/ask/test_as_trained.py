"""What a fine-tuned model is sent: what it saw in training, and nothing between."""

from __future__ import annotations

import pytest

from kb.store.apps import models
from kb.types import InputVariable, Model, Sources, Variant
from tests.chatting import answer
from tests.parts import ADMIN, ask, publish

SEPARATOR = "\n\n###\n\n"
STORY = "Tell of {{inputs.hero}}: {{query}}"


@pytest.fixture(scope="module", autouse=True)
def _trained(kb, upstream):
    model = Model(
        "trained", "openai", upstream.base_url, "say:As trained", "completion", SEPARATOR, (" END",)
    )
    kb.database.writing(models.put, ADMIN, kb.secrets, model)


@pytest.mark.parametrize("is_the_apps", [False, True])
def test_a_completion_prompt_with_the_question_alone_is_sent_as_trained(
    kb, sky, upstream, is_the_apps
):
    publish(
        kb,
        f"story-{is_the_apps}",
        prompt=STORY if is_the_apps else "Another. {{context}}",
        inputs=(InputVariable("hero"),),
        dataset_ids=(sky,),
        tuned=Variant("trained", prompt=None if is_the_apps else STORY),
        refusal="Not in the documents.",
    )
    asked = {"route": "tuned", "inputs": {"hero": "Ada"}}
    events = ask(kb, f"story-{is_the_apps}", "the moon", **asked)

    assert upstream.requests[-1]["prompt"] == f"Tell of Ada: the moon{SEPARATOR}"
    assert not any(isinstance(event, Sources) for event in events)
    done = answer(events)
    assert (done.answer, done.grounded) == ("As trained", None)


@pytest.mark.parametrize("prompt", ["Sources: {{context}}\n{{query}}", "Be brief.", ""])
def test_a_completion_prompt_that_asks_for_sources_or_has_no_question_keeps_its_sources(
    kb, sky, upstream, prompt
):
    slug = f"sourced-{len(prompt)}"
    publish(kb, slug, dataset_ids=(sky,), tuned=Variant("trained", prompt=prompt))
    events = ask(kb, slug, "When does the moon rise?", route="tuned")
    sent = upstream.requests[-1]["prompt"]
    assert "The moon rises at nine." in sent
    assert sent.endswith(f"When does the moon rise?{SEPARATOR}")
    assert any(isinstance(event, Sources) for event in events)


def test_a_chat_model_that_does_not_search_gets_its_prompt_and_the_question(kb, sky, upstream):
    tuned = Variant("echo", prompt="You tell stories.", retrieval=None)
    publish(kb, "chatty", prompt="Of the app. {{context}}", dataset_ids=(sky,), tuned=tuned)
    ask(kb, "chatty", "the moon", route="tuned")
    assert upstream.requests[-1]["messages"] == [
        {"role": "system", "content": "You tell stories."},
        {"role": "user", "content": "the moon"},
    ]


def test_the_draft_of_a_model_before_has_the_sources_that_the_trained_one_does_not(
    kb, sky, upstream
):
    tuned = Variant(
        "trained", prompt="{{query}} {{draft}}", draft_model="cite", draft_prompt="{{context}}"
    )
    publish(kb, "drafted", dataset_ids=(sky,), tuned=tuned)
    ask(kb, "drafted", "When does the moon rise?", route="tuned")
    drafted, sent = upstream.requests[-2:]
    assert "The moon rises at nine." in str(drafted["messages"])
    assert sent["prompt"].startswith("When does the moon rise? According to the documents:")
    assert sent["prompt"].endswith(SEPARATOR)
    assert "random mark" not in sent["prompt"]
    assert "Sources (" not in sent["prompt"]
