"""OpenAIChatModel against the fake server: failures, deadlines, secrets, hanging up."""

import asyncio
import logging

import pytest

from kb.errors import ModelUnavailable
from kb.models.fake.server import FakeModelServer
from kb.models.llm.opening import OpenAIChatModel, open_chat_model
from kb.protocols import Prompt
from kb.settings import LlmSettings
from kb.types import EndPiece, Model
from tests.kb.models.llm.asking import PROMPT, SECRET, ask, collect, texts


def test_tokens_come_one_by_one_and_usage_at_the_end():
    pieces, server = ask("echo")

    assert texts(pieces) == ["one", " two", " three"]
    assert pieces[-1] == EndPiece("stop", prompt_tokens=7, completion_tokens=3)
    assert server.requests[0]["messages"][0]["content"] == PROMPT.system


@pytest.mark.parametrize(("exempt", "is_reached"), [("", True), ("model.invalid", False)])
def test_the_proxy_that_the_environment_names_is_used(monkeypatch, exempt, is_reached):
    async def run() -> list[str]:
        async with FakeModelServer() as server:
            monkeypatch.setenv("http_proxy", server.base_url.removesuffix("/v1"))
            monkeypatch.setenv("no_proxy", exempt)
            model = open_chat_model(
                Model("far", "openai", "http://model.invalid/v1", "echo"), LlmSettings()
            )
            try:
                return texts(await collect(model.stream(PROMPT), server))
            finally:
                await model.close()

    if is_reached:
        assert asyncio.run(run()) == ["one", " two", " three"]
    else:
        with pytest.raises(ModelUnavailable, match="cannot be reached"):
            asyncio.run(run())


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("fail:500", "HTTP 500"),
        ("fail:401", "API key"),
        ("fail:404", "base_url and model"),
        ("fail:429", "rate limited"),
        ("error-mid-stream", "reported an error"),
        ("cut", "broke off"),
    ],
)
def test_failures_are_sentences_of_ours_without_the_upstream_body(name, words, caplog):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ModelUnavailable, match=words) as caught:
        ask(name)

    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    ("name", "retries", "tries"),
    [
        ("fail:503", 2, 3),
        ("fail:503", 0, 1),
        ("fail:401", 2, 1),
        ("fail:400", 2, 1),
        ("fail:429:0.01", 2, 3),
        ("fail:429:3600", 2, 1),
        ("fail:429:soon", 1, 2),
        ("error-mid-stream", 2, 1),
        ("cut", 2, 1),
    ],
)
def test_what_may_pass_is_tried_again_before_the_first_token_only(name, retries, tries):
    async def count(stream, server):
        with pytest.raises(ModelUnavailable):
            await collect(stream, server)
        return len(server.requests)

    assert ask(name, count, retries=retries)[0] == tries


def test_a_try_that_succeeds_after_failures_is_a_whole_answer():
    async def run():
        async with FakeModelServer() as server:
            model = open_chat_model(
                Model("fake", "openai", server.base_url, "flaky:2"), LlmSettings()
            )
            pieces = await collect(model.stream(PROMPT), server)
            await model.close()
            return pieces, len(server.requests)

    pieces, requests = asyncio.run(run())

    assert texts(pieces) == ["one", " two", " three"]
    assert requests == 3


def test_an_empty_answer_is_a_failure():
    with pytest.raises(ModelUnavailable, match="empty answer"):
        ask("echo", prompt=Prompt("", (), ""))


def test_an_address_where_nobody_listens_is_named():
    async def run():
        async with FakeModelServer() as server:
            address = server.base_url
        model = OpenAIChatModel(Model("fake", "openai", address, "echo"), LlmSettings())
        with pytest.raises(ModelUnavailable, match="base_url"):
            await anext(model.stream(PROMPT))
        await model.close()

    asyncio.run(run())


def test_text_before_a_break_is_delivered():
    async def until_break(stream, server):
        pieces = []
        try:
            async for piece in stream:
                pieces.append(piece)
        except ModelUnavailable:
            return pieces
        pytest.fail("the break went unnoticed")

    assert texts(ask("cut", until_break)[0]) == ["one ", "two ", "three "]


@pytest.mark.parametrize(
    ("name", "timeouts", "words"),
    [
        ("stall", {"first_token_timeout_s": 0.05}, "no token within 0.05 seconds"),
        ("numbers:2:60000", {"first_token_timeout_s": 0.05}, "no token within 0.05 seconds"),
        ("numbers:1000:10", {"total_timeout_s": 0.3}, "did not finish within 0.3 seconds"),
    ],
)
def test_every_deadline_has_its_sentence(name, timeouts, words):
    with pytest.raises(ModelUnavailable, match=words):
        ask(name, **timeouts)


def test_silence_between_tokens_has_its_own_deadline():
    with pytest.raises(ModelUnavailable, match=r"fell silent for 0\.05 seconds"):
        ask("numbers:2:500", gap_timeout_s=0.05)


def test_a_slow_consumer_does_not_use_up_the_models_time():
    async def slowly(stream, server):
        pieces = []
        async for piece in stream:
            pieces.append(piece)
            await asyncio.sleep(0.15)
        return pieces

    pieces, _ = ask("numbers:4:20", slowly, gap_timeout_s=0.1)

    assert texts(pieces) == ["1 ", "2 ", "3 ", "4 "]


def test_closing_the_iterator_hangs_up_on_the_server():
    async def leave(stream, server):
        await anext(stream)
        await stream.aclose()
        while not server.abandoned:
            await asyncio.sleep(0.005)
        return server.abandoned

    assert ask("numbers:100000:5", leave)[0] == 1


def test_cancelling_the_reader_hangs_up_on_the_server():
    async def cancel(stream, server):
        reading = asyncio.create_task(collect(stream, server))
        while not server.requests:
            await asyncio.sleep(0.005)
        reading.cancel()
        while not server.abandoned:
            await asyncio.sleep(0.005)
        return server.abandoned

    assert ask("stall", cancel)[0] == 1


def test_a_finished_answer_leaves_its_connection_for_the_next():
    async def run():
        async with FakeModelServer() as server:
            model = OpenAIChatModel(Model("fake", "openai", server.base_url, "echo"), LlmSettings())
            for _ in range(5):
                await collect(model.stream(PROMPT), server)
            connections = server.connections
            await model.close()
            return connections

    assert asyncio.run(run()) == 1
