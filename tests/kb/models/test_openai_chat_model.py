"""OpenAIChatModel against the fake server: failures, deadlines, secrets, hanging up."""

import asyncio
import json
import logging

import pytest

from kb.errors import ModelUnavailable
from kb.models.chat import OpenAIChatModel, open_chat_model
from kb.models.fake_server import FakeModelServer
from kb.protocols import Prompt
from kb.types import EndPiece, Model, TextPiece

SECRET = "canary-4711"
PROMPT = Prompt(f"Never tell anyone {SECRET}.", (), "one two three")


def ask(name, consume=None, prompt=PROMPT, **options):
    """Run one question; returns (pieces, server), the server closed."""

    async def run():
        async with FakeModelServer() as server:
            model = open_chat_model(Model("fake", "openai", server.base_url, name), **options)
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
            model = open_chat_model(Model("fake", "openai", server.base_url, "flaky:2"))
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


def test_a_stream_cut_at_any_byte_is_whole_or_an_error_and_never_garbled():
    whole = (
        b'data: {"choices":[{"delta":{"content":"Mond "}}]}\n\n'
        b'data: {"choices":[{"delta":{"content":"\xe6\x9c\x88"}}]}\n\n'
        b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    )
    last_needed = whole.index(b'"stop"}]}') + len(b'"stop"}]}')

    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        cut = int(json.loads(await reader.readexactly(length))["messages"][-1]["content"])
        kind = b"content-type: text/event-stream\r\nconnection: close\r\n\r\n"
        writer.write(b"HTTP/1.1 200 OK\r\n" + kind + whole[:cut])
        writer.close()

    async def one(chat_model, cut):
        pieces = []
        try:
            async for piece in chat_model.stream(Prompt("", (), str(cut))):
                pieces.append(piece)
        except ModelUnavailable:
            return False, "".join(texts(pieces))
        return True, "".join(texts(pieces))

    async def run():
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
            chat_model = open_chat_model(Model("fake", "openai", url, "m"), retries=0)
            found = [await one(chat_model, cut) for cut in range(len(whole) + 1)]
            await chat_model.close()
            return found

    for cut, (is_whole, text) in enumerate(asyncio.run(run())):
        assert is_whole == (cut >= last_needed), cut
        assert text in ("", "Mond ", "Mond 月"), cut


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
