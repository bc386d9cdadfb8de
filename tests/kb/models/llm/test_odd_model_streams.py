"""OpenAIChatModel against raw bytes: odd framing, cuts at every byte, answers of something else."""

import asyncio
import json

import pytest

from kb.errors import ModelUnavailable
from kb.models.llm.opening import OpenAIChatModel, open_chat_model
from kb.protocols import Prompt
from kb.settings import LlmSettings
from kb.types import Model
from tests.kb.models.llm.asking import PROMPT, SECRET, collect, texts

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
            model = OpenAIChatModel(
                Model("fake", "openai", f"http://127.0.0.1:{port}/v1", "m"), LlmSettings()
            )
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
            chat_model = open_chat_model(Model("fake", "openai", url, "m"), LlmSettings(retries=0))
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
            model = OpenAIChatModel(
                Model("fake", "openai", f"http://127.0.0.1:{port}/v1", "m"), LlmSettings()
            )
            with pytest.raises(ModelUnavailable) as caught:
                await collect(model.stream(PROMPT), server)
            await model.close()
            return str(caught.value)

    assert SECRET not in asyncio.run(run())
