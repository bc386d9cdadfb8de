"""Which variant answers: falling back before the first character, and what a conversation keeps."""

from __future__ import annotations

import pytest

from kb.errors import ModelUnavailable
from kb.types import Failed, Variant
from tests.chatting import answer, conversation, message, routes, switch
from tests.parts import ask, publish

HIDDEN = "Hidden word: quicksilver.\n\n{{context}}"
TUNED_HIDDEN = "Hidden word: vermilion.\n\n{{context}}"


@pytest.mark.parametrize("model", ["fail:500", "numbers:0-is-not-registered"])
def test_a_tuned_variant_that_fails_before_its_first_token_gives_way_to_base(kb, sky, model):
    slug = f"fallback-{model.partition(':')[0]}"
    tuned = Variant(model, prompt=TUNED_HIDDEN)
    publish(kb, slug, prompt=HIDDEN, dataset_ids=(sky,), base=Variant("cite"), tuned=tuned)
    switch(kb, slug, "tuned")
    events = ask(kb, slug, "When does the moon rise?")

    done = answer(events)
    assert (done.route.variant, done.route.model) == ("base", "cite")
    assert routes(events)[-1] == ("base", "fallback")
    if model == "fail:500":
        assert routes(events) == [("tuned", "default"), ("base", "fallback")]
    assert done.citations
    assert "vermilion" not in str(events)
    assert conversation(kb, events).variant is None, "what fell back is tried again next time"


def test_a_tuned_variant_that_breaks_off_later_is_not_begun_again(kb, sky):
    for model in ("cut", "error-mid-stream"):
        publish(kb, model, dataset_ids=(sky,), base=Variant("cite"), tuned=Variant(model))
        events = ask(kb, model, "When does the moon rise?", route="tuned")
        assert isinstance(events[-1], Failed)
        assert events[-1].error.code == "model_unavailable"
        assert events[-1].retryable
        assert routes(events) == [("tuned", "requested")]
        assert message(kb, events).status == "failed"
        assert message(kb, events).answer != ""


def test_a_tuned_variant_of_which_nothing_was_shown_yet_still_gives_way(kb, sky):
    # What may become a mark is held back.
    publish(kb, "held", dataset_ids=(sky,), base=Variant("numbers:40"), tuned=Variant("cut:[1"))
    events = ask(kb, "held", "When does the moon rise?", route="tuned")
    assert routes(events) == [("tuned", "requested"), ("base", "fallback")]
    assert answer(events).answer.startswith("1 2 3 4")


def test_a_base_variant_that_fails_ends_the_run_with_a_sentence_of_ours(kb, sky):
    publish(kb, "down", prompt=HIDDEN, dataset_ids=(sky,), base=Variant("fail:500"))
    events = ask(kb, "down", "When does the moon rise?")
    assert isinstance(events[-1], Failed)
    assert events[-1].error.code == "model_unavailable"
    assert "quicksilver" not in str(events)


def test_a_base_model_that_was_deleted_is_said_before_the_run_begins(kb, sky):
    publish(kb, "orphan", dataset_ids=(sky,), base=Variant("gone"))
    with pytest.raises(ModelUnavailable, match="gone"):
        ask(kb, "orphan", "moon")


def test_a_conversation_keeps_the_variant_that_the_policy_gave_it(kb, sky):
    base, tuned = Variant("cite"), Variant("numbers:40", retrieval=None)
    publish(kb, "pinned", dataset_ids=(sky,), base=base, tuned=tuned)
    first = ask(kb, "pinned", "moon?")
    talk = conversation(kb, first)
    assert (routes(first), talk.variant) == ([("base", "default")], "base")
    switch(kb, "pinned", "tuned")

    assert routes(ask(kb, "pinned", "moon?", conversation_id=talk.id)) == [("base", "pinned")]
    asked = ask(kb, "pinned", "moon?", conversation_id=talk.id, route="tuned")
    assert routes(asked) == [("tuned", "requested")]
    assert routes(ask(kb, "pinned", "moon?", conversation_id=talk.id)) == [("base", "pinned")]
    assert routes(ask(kb, "pinned", "moon?")) == [("tuned", "default")]


def test_a_question_that_chose_for_itself_or_failed_pins_nothing(kb, sky):
    publish(kb, "free", dataset_ids=(sky,), base=Variant("cite"), tuned=Variant("numbers:40"))
    publish(kb, "broken", dataset_ids=(sky,), base=Variant("fail:500"))
    chosen = ask(kb, "free", "moon?", route="tuned")
    talk = conversation(kb, chosen)
    assert talk.variant is None
    assert conversation(kb, ask(kb, "broken", "moon?")).variant is None

    ask(kb, "free", "moon?", conversation_id=talk.id)
    assert conversation(kb, chosen).variant == "base"
