"""A model that says too much at once, or never ends: others go on, and what it said is kept."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from unittest.mock import patch

import pytest

from kb.chat.ask.chat_models import MAX_ANSWER_CHARACTERS, MAX_UNBROKEN_CHARACTERS
from kb.chat.ask.question import ChatRequest
from kb.chat.run.citations import MAX_CITATIONS
from kb.chat.run.run import Run
from kb.types import Cited, Completed, Delta, Limits, Variant
from tests.chatting import each, message
from tests.parts import ADMIN, publish, register

CHUNK_CHARACTERS = 3_000_000
HIDDEN = "Hidden word: quicksilver, which nobody who asks may ever be told of.\n\n{{context}}"
FILLERS = ("The moon rises at nine. ", "[1]", "[", "月亮九点升起。")


async def talking(texts: list[str]) -> asyncio.Server:
    """A model server that sends each text in one event, whatever is asked."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            kind = b"content-type: text/event-stream\r\nconnection: close\r\n\r\n"
            writer.write(b"HTTP/1.1 200 OK\r\n" + kind)
            for text in texts:
                chunk = json.dumps({"choices": [{"delta": {"content": text}}]})
                writer.write(f"data: {chunk}\n\n".encode())
                await writer.drain()
            end = json.dumps({"choices": [{"delta": {}, "finish_reason": "stop"}]})
            writer.write(f"data: {end}\n\ndata: [DONE]\n\n".encode())
            await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    return await asyncio.start_server(serve, "127.0.0.1", 0)


def spoken(kb, sky, name, texts):
    """The events of one answer, and how many characters came between two turns of the loop."""

    async def run():
        server = await talking(texts)
        port = server.sockets[0].getsockname()[1]
        await asyncio.to_thread(register, kb, f"http://127.0.0.1:{port}/v1", name)
        await asyncio.to_thread(
            publish, kb, name, prompt=HIDDEN, dataset_ids=(sky,), base=Variant(name)
        )
        turns = 0
        written: dict[int, int] = {}

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        other = asyncio.create_task(others())
        append = Run.append

        def counted(run, event):
            if isinstance(event, Delta):
                written[turns] = written.get(turns, 0) + len(event.text)
            append(run, event)

        with patch.object(Run, "append", counted):
            run = await kb.chat.ask(ADMIN, name, ChatRequest("When does the moon rise?"), Limits())
            async with aclosing(each(run)) as numbered:
                events = [event async for _, event in numbered]
        other.cancel()
        await kb.chat_models.close()
        server.close()
        return events, max(written.values())

    return asyncio.run(run())


@pytest.mark.parametrize("filler", FILLERS)
def test_a_huge_chunk_is_cut_to_the_longest_answer_and_others_go_on_within_it(kb, sky, filler):
    size = CHUNK_CHARACTERS if filler.isascii() else CHUNK_CHARACTERS // 5  # in JSON six bytes each
    text = (filler * size)[:size]
    name = f"huge-{FILLERS.index(filler)}"

    events, most_at_once = spoken(kb, sky, name, [text])

    done = events[-1]
    assert isinstance(done, Completed)
    assert done.finish_reason == "length"
    assert done.answer == text[:MAX_ANSWER_CHARACTERS]
    assert most_at_once <= 2 * MAX_UNBROKEN_CHARACTERS
    stored = message(kb, events)
    assert (stored.answer, stored.finish_reason) == (done.answer, "length")
    assert sum(isinstance(event, Cited) for event in events) <= MAX_CITATIONS


def test_an_answer_without_end_ends_with_length(kb, sky):
    events, most_at_once = spoken(kb, sky, "endless", ["On and on it goes. "] * 50_000)

    assert events[-1].finish_reason == "length"
    assert len(events[-1].answer) == MAX_ANSWER_CHARACTERS
    assert most_at_once <= 2 * MAX_UNBROKEN_CHARACTERS


def test_an_ordinary_answer_is_passed_on_token_by_token(kb, sky):
    tokens = [f"word{n} " for n in range(100)]
    events, _ = spoken(kb, sky, "ordinary", tokens)

    assert [event.text for event in events if isinstance(event, Delta)] == tokens
    assert events[-1].finish_reason == "stop"
