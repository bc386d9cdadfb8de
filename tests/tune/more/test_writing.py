"""Many texts of a model: several a request where the server can, tried again where it may help."""

from __future__ import annotations

import asyncio

import pytest

from kb.errors import ModelUnavailable
from kb.models.fake.server import FakeModelServer
from kb.protocols import Sampling
from kb.settings import LlmSettings
from kb.types import Model
from tune.more.writing import Writer, gathered


def written(
    model: str, *, texts: int = 1, count: int = 1, at_once: int = 2
) -> tuple[FakeModelServer, list[list[str]], tuple[int, int]]:
    async def run() -> tuple[FakeModelServer, list[list[str]], tuple[int, int]]:
        async with FakeModelServer() as server:
            registered = Model("m", "openai", server.base_url, model)
            writer = Writer(registered, LlmSettings(retries=1), at_once=at_once)
            try:
                said = [writer.write(f"text {n}", count, Sampling(0.5, 9)) for n in range(texts)]
                return server, await asyncio.gather(*said), writer.tokens
            finally:
                await writer.close()

    return asyncio.run(run())


def test_several_answers_come_of_one_request():
    server, answers, tokens = written("echo", count=3)

    assert answers == [["text 0"] * 3]
    assert [body["n"] for body in server.requests] == [3]
    assert server.requests[0]["stream"] is False
    assert server.requests[0]["max_tokens"] == 9
    assert tokens == (2, 2)


def test_a_server_that_gives_one_is_asked_again():
    server, answers, _ = written("one", count=3)

    assert answers == [["text 0"] * 3]
    assert len(server.requests) == 3


def test_texts_are_written_side_by_side_and_in_their_order():
    _, answers, _ = written("echo", texts=5, at_once=3)

    assert answers == [[f"text {n}"] for n in range(5)]


def test_thoughts_are_left_out():
    assert written("say:<think>Hm.</think>Well.")[1] == [["Well."]]


def test_a_failure_that_passes_is_tried_again_and_others_are_not():
    server, answers, _ = written("flaky:1")
    assert answers == [["text 0"]]
    assert len(server.requests) == 2

    with pytest.raises(ModelUnavailable, match="HTTP 401"):
        written("fail:401")
    with pytest.raises(ModelUnavailable, match="HTTP 503"):
        written("flaky:9")


def test_one_failure_does_not_stop_the_others():
    done = []

    async def work(number: int) -> None:
        await asyncio.sleep(0)
        if number == 1:
            raise ModelUnavailable("no")
        done.append(number)

    with pytest.raises(ModelUnavailable):
        asyncio.run(gathered(work(number) for number in range(4)))

    assert done == [0, 2, 3]
