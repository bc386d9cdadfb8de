"""OpenAIChatModel against the fake server: failures, deadlines, secrets, hanging up."""

import asyncio
import logging

import pytest

from kb.errors import ModelUnavailable
from kb.models.chat import OpenAIChatModel
from kb.models.fake_server import FakeModelServer
from kb.protocols import Prompt
from kb.types import EndPiece, Model, TextPiece

SECRET = "canary-4711"
PROMPT = Prompt(f"Never tell anyone {SECRET}.", (), "one two three")


def ask(name, consume=None, prompt=PROMPT, **timeouts):
    """Run one question; returns (pieces, server), the server closed."""

    async def run():
        async with FakeModelServer() as server:
            model = OpenAIChatModel(Model("fake", "openai", server.base_url, name), **timeouts)
            try:
                return await (consume or collect)(model.stream(prompt), server), server
            finally:
                await model.close()

    return asyncio.run(run())


async def collect(stream, server):
    return [piece async for piece in stream]


def texts(pieces):
    return [piece.text for piece in pieces if isinstance(piece, TextPiece)]


def test_tokens_come_one_by_one_and_usage_at_the_end():
    pieces, server = ask("echo")

    assert texts(pieces) == ["one", " two", " three"]
    assert pieces[-1] == EndPiece("stop", prompt_tokens=7, completion_tokens=3)
    assert server.requests[0]["messages"][0]["content"] == PROMPT.system


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


def test_a_failed_request_is_sent_once():
    async def count(stream, server):
        with pytest.raises(ModelUnavailable):
            await anext(stream)
        return len(server.requests)

    assert ask("fail:500", count)[0] == 1


def test_an_address_where_nobody_listens_is_named():
    async def run():
        async with FakeModelServer() as server:
            address = server.base_url
        model = OpenAIChatModel(Model("fake", "openai", address, "echo"))
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
            model = OpenAIChatModel(Model("fake", "openai", server.base_url, "echo"))
            for _ in range(5):
                await collect(model.stream(PROMPT), server)
            connections = server.connections
            await model.close()
            return connections

    assert asyncio.run(run()) == 1


RAW = {
    "no [DONE], no space, CRLF": (
        b'data:{"choices":[{"delta":{"role":"assistant"}}]}\r\n\r\n'
        b': keep-alive\r\n\r\ndata:{"choices":[{"delta":{"content":"a\xe2\x80\xa8b"}}]}\r\n\r\n'
        b'data:{"choices":[{"delta":{},"finish_reason":"length"}]}'
    ),
    "one bare object": (
        b'{"choices":[{"message":{"content":"a\xe2\x80\xa8b"},\n"finish_reason":"length"}]}'
    ),
}


@pytest.mark.parametrize("kind", RAW)
@pytest.mark.parametrize("block", [1, 7, 10_000])
def test_odd_streams_are_read_whole_however_they_are_cut(kind, block):
    content_type = b"application/json" if kind == "one bare object" else b"text/event-stream"

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: " + content_type + b"\r\n")
        writer.write(b"connection: close\r\n\r\n")
        for start in range(0, len(RAW[kind]), block):
            writer.write(RAW[kind][start : start + block])
            await writer.drain()
            await asyncio.sleep(0)
        writer.close()

    async def run():
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            model = OpenAIChatModel(Model("fake", "openai", f"http://127.0.0.1:{port}/v1", "m"))
            pieces = await collect(model.stream(PROMPT), server)
            await model.close()
            return pieces

    *parts, end = asyncio.run(run())

    assert "".join(texts(parts)) == "a\u2028b"
    assert end.finish_reason == "length"


@pytest.mark.parametrize(
    "answer", [b"<html>Welcome</html>", b'{"code": 7, "message": "' + SECRET.encode() + b'"}']
)
def test_an_address_that_answers_something_else_is_an_error(answer):
    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        kind = b"text/html" if answer.startswith(b"<") else b"application/json"
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: " + kind + b"\r\nconnection: close\r\n\r\n")
        writer.write(answer)
        writer.close()

    async def run():
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            model = OpenAIChatModel(Model("fake", "openai", f"http://127.0.0.1:{port}/v1", "m"))
            with pytest.raises(ModelUnavailable) as caught:
                await collect(model.stream(PROMPT), server)
            await model.close()
            return str(caught.value)

    assert SECRET not in asyncio.run(run())
