"""From a question to its stored answer: sources, refusals, conversations, and what is kept."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from kb.chat.ask.question import ChatRequest
from kb.errors import Conflict, ModelUnavailable, NotAllowed, NotFound, Rejected
from kb.store.apps import apps, conversations, models
from kb.text.fixed_sentences import fixed_sentence
from kb.types import (
    Delta,
    InputVariable,
    Limits,
    Retrieval,
    Routed,
    RunEvent,
    Scope,
    Sources,
    Started,
    Variant,
)
from tests.chatting import answer, conversation, each, message
from tests.parts import ADMIN, ask, ingest, publish, register

HIDDEN = "Hidden word: quicksilver.\n\n{{context}}"


def test_an_answer_is_started_routed_sourced_written_and_completed(kb, sky, upstream):
    publish(kb, "cited", prompt=HIDDEN, dataset_ids=(sky,), base=Variant("cite"))
    events = ask(kb, "cited", "When does the moon rise?")

    assert [type(event) for event in events[:3]] == [Started, Routed, Sources]
    done = answer(events)
    assert done.grounded is True
    assert done.citations[0].quote in "The moon rises at nine."
    assert done.cost is not None
    assert done.cost > 0
    stored = message(kb, events)
    assert (stored.answer, stored.citations) == (done.answer, done.citations)
    assert "quicksilver" in str(upstream.requests[-1])
    assert "quicksilver" not in str((events, stored))


def test_without_retrieval_there_are_no_sources_and_grounded_is_null(kb, sky):
    publish(kb, "plain", dataset_ids=(sky,), base=Variant("echo", retrieval=None))
    events = ask(kb, "plain", "Good morning [1]")
    done = answer(events)
    assert not any(isinstance(event, Sources) for event in events)
    assert (done.grounded, done.citations, message(kb, events).grounded) == (None, (), None)


def test_nothing_found_is_refused_in_the_apps_own_words_without_asking_the_model(kb, sky, upstream):
    nothing = Retrieval(mode="keyword")
    publish(
        kb,
        "shy",
        dataset_ids=(sky,),
        base=Variant("cite", retrieval=nothing),
        refusal="I do not know [sorry].",
    )
    asked = len(upstream.requests)
    done = answer(ask(kb, "shy", "Xylophone?"))
    assert (done.answer, done.finish_reason) == ("I do not know [sorry].", "refused")
    assert done.grounded is False
    assert len(upstream.requests) == asked
    assert (done.usage.prompt_tokens, done.usage.completion_tokens, done.cost) == (0, 0, 0)


@pytest.mark.parametrize(("min_score", "is_refused"), [(0.0, True), (0.01, False), (0.9, True)])
def test_a_model_is_not_asked_where_the_evidence_is_weak(kb, sky, upstream, min_score, is_refused):
    # The document shares one word of five with the question: a hit, but no answer.
    weak = Retrieval(mode="keyword", min_score=min_score)
    base = Variant("cite", retrieval=weak)
    publish(kb, f"weak-{min_score}", dataset_ids=(sky,), base=base, refusal="Not here.")
    asked = len(upstream.requests)

    done = answer(ask(kb, f"weak-{min_score}", "Which moon circles distant Neptune backwards?"))

    assert (done.answer == "Not here.", done.finish_reason == "refused") == (is_refused,) * 2
    assert (len(upstream.requests) == asked) == is_refused
    assert done.grounded is not is_refused


def test_an_extractive_answer_is_refused_in_the_apps_own_words(kb, sky):
    publish(kb, "quotes", dataset_ids=(sky,), base=Variant("extractive"), refusal="Not here.")
    for query in ("Xylophone?", "Which moon circles distant Neptune backwards?"):
        done = answer(ask(kb, "quotes", query))
        assert (done.answer, done.finish_reason, done.grounded) == ("Not here.", "refused", False)
    assert answer(ask(kb, "quotes", "When does the moon rise?")).finish_reason == "stop"


def test_brackets_in_what_is_quoted_are_kept_and_are_no_marks(kb):
    dataset_id = kb.create_dataset(ADMIN, "chips").id
    rate = "The baud rate is held in the register UART[2] and the parity in UART[14]."
    ingest(kb, dataset_id, {"a.md": rate, "b.md": "A modem has one register."})
    publish(kb, "chips", dataset_ids=(dataset_id,), base=Variant("extractive"))

    events = ask(kb, "chips", "Which register holds the baud rate and which the parity?")

    done = answer(events)
    assert f"{rate} [1]" in done.answer
    assert all(c.answer_end - c.answer_start == len("[1]") for c in done.citations)
    assert message(kb, events).answer == done.answer
    assert "".join(event.text for event in events if isinstance(event, Delta)) == done.answer


def test_a_dataset_that_was_deleted_after_publishing_does_not_break_the_app(kb, sky):
    doomed = kb.create_dataset(ADMIN, "doomed").id
    publish(kb, "half", dataset_ids=(doomed, sky), base=Variant("cite"))
    publish(kb, "empty", dataset_ids=(doomed,), base=Variant("cite"), refusal="Nothing there.")
    kb.delete_dataset(ADMIN, doomed)

    assert answer(ask(kb, "half", "When does the moon rise?")).grounded is True
    assert answer(ask(kb, "empty", "When does the moon rise?")).answer == "Nothing there."


def test_a_conversation_remembers_its_last_turns(kb, sky, upstream):
    publish(kb, "talk", dataset_ids=(sky,), base=Variant("echo"))
    first = ask(kb, "talk", "The first question")
    ask(kb, "talk", "The second question", conversation_id=conversation(kb, first).id)
    sent = [item["content"] for item in upstream.requests[-1]["messages"][1:]]
    assert sent == ["The first question", answer(first).answer, "The second question"]


def test_somebody_elses_and_a_deleted_conversation_answer_alike(kb, sky):
    publish(kb, "mine", dataset_ids=(sky,), base=Variant("cite"))
    publish(kb, "yours", dataset_ids=(sky,), base=Variant("cite"))
    alice = Scope(frozenset({"chat"}), end_user="alice")
    bob = Scope(frozenset({"chat"}), end_user="bob")
    hers = conversation(kb, ask(kb, "mine", "moon?", alice)).id
    kept = conversation(kb, ask(kb, "mine", "moon?")).id
    kb.database.writing(conversations.remove, ADMIN, kept)

    for app, scope, talk in (("mine", bob, hers), ("yours", ADMIN, hers), ("mine", ADMIN, kept)):
        with pytest.raises(NotFound) as refused:
            ask(kb, app, "moon?", scope, conversation_id=talk)
        assert refused.value.detail == f"No conversation {talk!r} can be seen with this key."


def test_an_end_user_cannot_speak_for_another(kb, sky):
    publish(kb, "person", dataset_ids=(sky,), base=Variant("cite"))
    alice = Scope(frozenset({"chat"}), end_user="alice")
    assert conversation(kb, ask(kb, "person", "m?", alice, end_user="bob")).end_user == "alice"
    assert conversation(kb, ask(kb, "person", "m?", end_user="bob")).end_user == "bob"


@pytest.mark.parametrize("query", ["", " \n ", "\0", "x" * 32_001])
def test_a_question_that_cannot_be_used_is_refused(kb, sky, query):
    with pytest.raises(Rejected):
        ask(kb, "cited", query)


def test_a_required_input_must_be_given_and_reaches_only_the_model(kb, sky, upstream):
    inputs = (InputVariable("who", required=True),)
    prompt = "Serve {{inputs.who}}. {{context}}"
    publish(kb, "asks", prompt=prompt, inputs=inputs, dataset_ids=(sky,), base=Variant("cite"))
    with pytest.raises(Rejected, match="who"):
        ask(kb, "asks", "moon?")
    events = ask(kb, "asks", "moon?", inputs={"who": "{{context}} Ada"})
    assert "Serve {{context}} Ada." in upstream.requests[-1]["messages"][0]["content"]
    assert "Ada" not in str(events)


def test_an_unpublished_app_and_an_absent_version_are_refused(kb, sky):
    kb.database.writing(apps.create, ADMIN, slug="drafted", name="Drafted")
    with pytest.raises(Conflict):
        ask(kb, "drafted", "moon?")
    with pytest.raises(NotAllowed):
        ask(kb, "cited", "moon?", Scope(frozenset({"chat"})), version=1)
    with pytest.raises(NotFound):
        ask(kb, "cited", "moon?", version=9)


def test_an_app_that_is_deleted_while_it_answers_finishes_its_answer(kb, sky):
    publish(kb, "doomed", dataset_ids=(sky,), base=Variant("numbers:40"))

    async def scene() -> list[RunEvent]:
        run = await kb.chat.ask(ADMIN, "doomed", ChatRequest("moon?"), Limits())
        kb.database.writing(apps.remove, ADMIN, "doomed")
        async with aclosing(each(run)) as events:
            found = [event async for _, event in events]
        await kb.chat_models.close()
        return found

    events = asyncio.run(scene())
    assert answer(events).answer.split()[-1] == "40"
    with pytest.raises(NotFound):
        conversation(kb, events)


def test_no_transaction_is_open_while_an_answer_streams(kb, sky, upstream):
    publish(kb, "slow", dataset_ids=(sky,), base=Variant("numbers:200:5"))

    async def scene() -> int:
        run = await kb.chat.ask(ADMIN, "slow", ChatRequest("moon?"), Limits())
        async with aclosing(each(run)) as events:
            async for _, event in events:
                if isinstance(event, Delta):
                    break
        held = kb.database.open_transactions()
        run.stop()
        await run.wait()
        await kb.chat_models.close()
        return held

    kb.applier.stop()
    assert asyncio.run(scene()) == 0


def test_a_model_can_be_replaced_between_two_questions(kb, sky, upstream):
    register(kb, upstream.base_url, "echo")
    publish(kb, "swap", dataset_ids=(sky,), base=Variant("echo", retrieval=None))
    answer(ask(kb, "swap", "one"))
    kb.database.writing(models.remove, ADMIN, "echo")
    with pytest.raises(ModelUnavailable):
        ask(kb, "swap", "two")
    register(kb, upstream.base_url, "echo")
    assert answer(ask(kb, "swap", "three")).answer.strip() == "three"


def test_who_is_narrowed_to_nobody_cannot_speak_for_somebody(kb, sky):
    publish(kb, "public", dataset_ids=(sky,), base=Variant("cite"))
    anonymous = Scope(frozenset({"chat"}), end_user="")
    events = ask(kb, "public", "When does the moon rise?", anonymous, end_user="bob")
    assert conversation(kb, events).end_user == ""


def test_an_undeclared_input_never_reaches_the_hidden_prompt(kb, sky):
    publish(kb, "closed", prompt="Serve {{inputs.who}}.", dataset_ids=(sky,), base=Variant("cite"))
    with pytest.raises(Rejected, match="'who'"):
        ask(kb, "closed", "moon?", inputs={"who": "Ada"})


def test_weak_evidence_is_quoted_as_such_kept_as_such_and_moved_by_the_profile(kb, sky):
    def asked(name: str, retrieval: Retrieval) -> tuple[str, object, object]:
        publish(kb, name, dataset_ids=(sky,), base=Variant("extractive", retrieval=retrieval))
        events = ask(kb, name, "When does the moon rise?")
        done = answer(events)
        return done.answer, done.grounded, message(kb, events).grounded

    unsure = asked("unsure", Retrieval(sure_score=1.0))
    sure = asked("sure", Retrieval())
    assert unsure == (f"{fixed_sentence('weak', 'en')}\n\n{sure[0]}", "weak", "weak")
    assert sure[1:] == (True, True)


def test_a_model_decides_on_weak_evidence(kb, sky, upstream):
    register(kb, upstream.base_url, "cite")
    base = Variant("cite", retrieval=Retrieval(sure_score=1.0))
    publish(kb, "deciding", dataset_ids=(sky,), base=base, refusal="Not here.")
    done = answer(ask(kb, "deciding", "When does the moon rise?"))
    assert done.citations
    assert done.grounded == "weak"
