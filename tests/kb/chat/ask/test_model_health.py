"""Models that fail, end or change while in use: what a question gets, and what is closed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from kb.apps.configuring import shutdown_warnings
from kb.chat.ask.question import ChatRequest
from kb.errors import ModelUnavailable
from kb.knowledge_base import KnowledgeBase
from kb.models.fake.server import FakeModelServer
from kb.models.llm.failures import shutdown_warning, today
from kb.opening.opening import open_kb
from kb.settings import EmbeddingSettings, LlmSettings, Settings
from kb.store.apps import apps, models
from kb.types import (
    AppContent,
    Failed,
    Limits,
    Model,
    Retrieval,
    RoutePolicy,
    RouteRule,
    RunEvent,
    Sources,
    Variant,
)
from tests.chatting import answer, conversation, each, routes, switch
from tests.parts import ADMIN, ask, publish

BREAKS_AFTER = 3


@pytest.fixture(scope="module")
def brittle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    """Circuits open after three failures, and nothing is tried twice."""
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("brittle") / "data",
        embedding=EmbeddingSettings(model="hash"),
        llm=LlmSettings(circuit_failures=BREAKS_AFTER, retries=0),
        _env_file=None,
    )
    kb = open_kb(settings)
    yield kb
    kb.close()


def put(kb: KnowledgeBase, name: str, server: FakeModelServer, model: str, **fields: Any) -> Model:
    made = Model(name, "openai", server.base_url, model, **fields)
    kb.database.writing(models.put, ADMIN, kb.secrets, made)
    return made


async def asked(kb: KnowledgeBase, app: str, **fields: Any) -> list[RunEvent]:
    run = await kb.chat.ask(ADMIN, app, ChatRequest("moon?", **fields), Limits())
    async with aclosing(each(run)) as events:
        return [event async for _, event in events]


def with_server(kb: KnowledgeBase, use: Callable[[FakeModelServer], Awaitable[None]]) -> None:
    async def run() -> None:
        async with FakeModelServer() as server:
            try:
                await use(server)
            finally:
                await kb.chat_models.close()

    asyncio.run(run())


def test_a_tuned_model_that_keeps_failing_is_not_asked_for_a_while(brittle: KnowledgeBase):
    async def use(server: FakeModelServer) -> None:
        put(brittle, "good", server, "echo")
        put(brittle, "bad", server, "fail:500")
        publish(brittle, "breaking", base=Variant("good"), tuned=Variant("bad"))
        switch(brittle, "breaking", "tuned")
        for _ in range(BREAKS_AFTER):
            events = await asked(brittle, "breaking")
            assert routes(events) == [("tuned", "default"), ("base", "fallback")]
        before = len(server.requests)

        events = await asked(brittle, "breaking")

        assert routes(events) == [("base", "circuit_open")]
        assert answer(events).answer == "moon?"
        assert len(server.requests) == before + 1, "only base was asked"
        assert conversation(brittle, events).variant is None, "it is tried again next time"
        health = brittle.chat_models.health()
        assert (health["bad"].circuit, health["bad"].failures) == ("open", BREAKS_AFTER)
        assert (health["good"].circuit, health["good"].answers) == ("closed", BREAKS_AFTER + 1)

    with_server(brittle, use)


def test_a_base_model_that_is_left_alone_is_said_before_the_first_byte(brittle: KnowledgeBase):
    async def use(server: FakeModelServer) -> None:
        put(brittle, "only", server, "fail:500")
        publish(brittle, "only", base=Variant("only"))
        for _ in range(BREAKS_AFTER):
            assert isinstance((await asked(brittle, "only"))[-1], Failed)
        with pytest.raises(ModelUnavailable, match="left alone"):
            await asked(brittle, "only")
        assert len(server.requests) == BREAKS_AFTER

    with_server(brittle, use)


def test_a_model_that_is_changed_begins_with_a_closed_circuit(brittle: KnowledgeBase):
    async def use(server: FakeModelServer) -> None:
        broken = put(brittle, "mended", server, "fail:500")
        publish(brittle, "mended", base=Variant("mended"))
        for _ in range(BREAKS_AFTER):
            await asked(brittle, "mended")
        repaired = replace(broken, model="echo")
        brittle.database.writing(models.put, ADMIN, brittle.secrets, repaired)
        assert answer(await asked(brittle, "mended")).answer == "moon?"

    with_server(brittle, use)


def test_a_replaced_client_is_closed_once_its_last_answer_has_ended(brittle: KnowledgeBase):
    async def use(server: FakeModelServer) -> None:
        first = put(brittle, "replaced", server, "numbers:30:5")
        publish(brittle, "replaced", base=Variant("replaced"))
        streaming = asyncio.create_task(asked(brittle, "replaced"))
        while not server.requests:
            await asyncio.sleep(0.005)
        brittle.database.writing(models.put, ADMIN, brittle.secrets, replace(first, model="echo"))
        await brittle.chat_models.forget("replaced")
        assert len(server.open_connections) == 1, "an answer is streaming from it"

        assert answer(await streaming).answer.startswith("1 2 3")

        await all_closed(server)
        assert answer(await asked(brittle, "replaced")).answer == "moon?"

    with_server(brittle, use)


def test_an_idle_client_of_a_forgotten_model_is_closed_at_once(brittle: KnowledgeBase):
    async def use(server: FakeModelServer) -> None:
        put(brittle, "idle", server, "echo")
        publish(brittle, "idle", base=Variant("idle"))
        await asked(brittle, "idle")
        assert len(server.open_connections) == 1, "kept for the next question"
        await brittle.chat_models.forget("idle")
        await all_closed(server)

    with_server(brittle, use)


async def all_closed(server: FakeModelServer) -> None:
    """Wait until the server has seen every client hang up."""
    async with asyncio.timeout(10):
        while server.open_connections:
            await asyncio.sleep(0.005)


def test_a_tuned_model_answers_until_its_shutdown_and_base_from_then_on(kb, sky, upstream, caplog):
    day = today()
    for left, expected in ((1, ("tuned", "default")), (0, ("base", "shut_down"))):
        ends = (day + timedelta(days=left)).isoformat()
        model = Model("ending", "openai", upstream.base_url, "echo", shutdown_at=ends)
        kb.database.writing(models.put, ADMIN, kb.secrets, model)
        slug = f"ending-{left}"
        publish(kb, slug, dataset_ids=(sky,), base=Variant("cite"), tuned=Variant("ending"))
        switch(kb, slug, "tuned")
        events = ask(kb, slug, "When does the moon rise?")
        assert routes(events) == [expected]
        answer(events)
        assert conversation(kb, events).variant == ("tuned" if left else None)
    assert f"is shut down on {(day + timedelta(days=1)).isoformat()}, in 1 day." in caplog.text


def test_a_base_model_is_asked_past_its_date_as_long_as_it_answers(kb, sky, upstream, caplog):
    caplog.set_level(logging.WARNING)
    ended = Model("ended", "openai", upstream.base_url, "echo", shutdown_at="2020-01-01")
    kb.database.writing(models.put, ADMIN, kb.secrets, ended)
    publish(kb, "ended", base=Variant("ended"))
    for _ in range(3):
        assert routes(ask(kb, "ended", "moon?")) == [("base", "default")]
    assert caplog.text.count("'ended' was shut down on 2020-01-01") == 1, "once a day"


def test_a_shutdown_is_warned_of_for_a_month_and_after_it():
    day = today()

    def warning(left: int) -> str | None:
        ends = (day + timedelta(days=left)).isoformat()
        return shutdown_warning(Model("m", "openai", None, "m", shutdown_at=ends), day)

    assert warning(31) is None
    assert "in 30 days" in str(warning(30))
    assert "was shut down" in str(warning(0))
    content = AppContent(base=Variant("a"), tuned=Variant("b", draft_model="m"))
    known = {"m": Model("m", "openai", None, "m", shutdown_at=day.isoformat())}
    (found,) = shutdown_warnings(content, known, day)
    assert found.code == "model_shutdown"
    assert "'tuned'" in found.detail


def test_a_rule_on_what_is_found_searches_once_and_the_variant_keeps_its_own_profile(
    kb, sky, monkeypatch
):
    deep, shallow = Retrieval(top_k=8, mode="keyword"), Retrieval(top_k=1, mode="keyword")
    tuned = Variant("echo", prompt="Tuned prompt. {{context}}", retrieval=shallow)
    publish(kb, "ruled", dataset_ids=(sky,), base=Variant("cite", retrieval=deep), tuned=tuned)
    rule = RouteRule(dataset_ids=(sky,), score_at_least=0.01, variant="tuned")
    kb.database.writing(apps.set_route, ADMIN, "ruled", RoutePolicy(rules=(rule,)))
    looked = []
    search = kb.searcher.search
    monkeypatch.setattr(
        kb.searcher,
        "search",
        lambda *given, **more: looked.append(given[3]) or search(*given, **more),
    )

    found = ask(kb, "ruled", "When does the moon rise?")
    none = ask(kb, "ruled", "zzz qqq xxx")

    assert routes(found) == [("tuned", "rule")]
    assert looked[:2] == [deep, shallow], "judged by base's search, answered from its own"
    assert routes(none) == [("base", "default")]
    assert looked[2:] == [deep], "what was searched for the rule is not searched again"
    assert any(isinstance(event, Sources) for event in found)


def test_the_tuned_variant_is_asked_with_its_own_prompt_and_sources(kb, sky, upstream):
    upstream.requests.clear()
    tuned = Variant("echo", prompt="As trained.", retrieval=None)
    publish(kb, "own", prompt="Base.", dataset_ids=(sky,), base=Variant("cite"), tuned=tuned)
    ask(kb, "own", "moon?", route="tuned")
    ask(kb, "own", "moon?", route="base")
    first, second = ([m["content"] for m in r["messages"]] for r in upstream.requests)
    assert first == ["As trained.", "moon?"]
    assert second[0].startswith("Base.\n\nSources")


def test_a_canary_keeps_each_conversation_on_its_side(kb, sky):
    publish(kb, "canary", base=Variant("echo"), tuned=Variant("echo"))
    kb.database.writing(apps.set_route, ADMIN, "canary", RoutePolicy("split", 50))
    sides = {}
    for _ in range(12):
        events = ask(kb, "canary", "moon?")
        ((side, reason),) = routes(events)
        assert reason == "canary"
        sides[conversation(kb, events).id] = side
    kb.database.writing(apps.set_route, ADMIN, "canary", RoutePolicy("split", 0))
    for talk, side in list(sides.items())[:4]:
        assert routes(ask(kb, "canary", "again?", conversation_id=talk)) == [(side, "pinned")]
