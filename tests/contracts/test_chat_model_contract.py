"""What every ChatModel must do, over the fake server or LlamaIndex's own fake."""

import asyncio

import pytest

from kb.models.llm.opening import open_chat_model
from kb.protocols import Prompt
from kb.settings import LlmSettings
from kb.types import EndPiece, Model, TextPiece, Turn
from tests.fake_models import running_fake_server

PROMPT = Prompt("Answer briefly.", (Turn("Hello?", "Hello."),), "How long is the notice period?")
LLAMA_INDEX_FAKE = "llama_index:llama_index.core.llms:MockLLM"


@pytest.fixture(scope="module")
def server():
    with running_fake_server() as server:
        yield server


@pytest.fixture(params=["openai chat", "openai completion", "llama_index chat"])
def model(request, server):
    provider, style = request.param.split()
    if provider == "llama_index":
        return Model("fake", LLAMA_INDEX_FAKE, None, "mock")
    return Model("fake", "openai", server.base_url, "echo", style=style)


def in_loop(model, action):
    async def run():
        chat_model = open_chat_model(model, LlmSettings())
        try:
            return await action(chat_model)
        finally:
            await chat_model.close()

    return asyncio.run(run())


async def collect(chat_model):
    return [piece async for piece in chat_model.stream(PROMPT)]


def test_text_pieces_come_before_exactly_one_end(model):
    *texts, end = in_loop(model, collect)

    assert isinstance(end, EndPiece)
    assert end.finish_reason == "stop"
    assert len(texts) > 1
    assert all(isinstance(piece, TextPiece) and piece.text for piece in texts)


def test_the_question_reaches_the_model(model):
    pieces = in_loop(model, collect)
    text = "".join(piece.text for piece in pieces if isinstance(piece, TextPiece))

    assert "How long is the notice period?" in text


def test_one_model_answers_side_by_side(model):
    async def ten(chat_model):
        return await asyncio.gather(*(collect(chat_model) for _ in range(10)))

    first, *others = in_loop(model, ten)

    assert all(pieces == first for pieces in others)


def test_it_can_be_left_early_and_asked_again(model):
    async def leave_and_ask(chat_model):
        pieces = chat_model.stream(PROMPT)
        first = await anext(pieces)
        await pieces.aclose()
        return first, await collect(chat_model)

    first, again = in_loop(model, leave_and_ask)

    assert again[0] == first


def test_closing_without_a_question_is_harmless(model):
    async def nothing(chat_model):
        await chat_model.close()

    in_loop(model, nothing)
