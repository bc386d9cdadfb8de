"""Anthropic, by the class that its preset names: the real package against a recorded stream."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from pathlib import Path

import pytest

from kb.errors import ModelUnavailable
from kb.models.fake.server import FakeModelServer
from kb.models.llm.opening import open_chat_model
from kb.protocols import Prompt, Sampling
from kb.settings import LlmSettings
from kb.types import EndPiece, Model, Piece, TextPiece

RECORDINGS = Path(__file__).parents[3] / "recordings" / "anthropic"
PROMPT = Prompt("Be brief.", (), "How long?", sampling=Sampling(1.5, 99, ("END",), seed=7))
IS_INSTALLED = find_spec("anthropic") is not None


def ask(model: str) -> tuple[list[Piece], FakeModelServer]:
    async def run():
        async with FakeModelServer(recordings=RECORDINGS, key="sk-ant") as server:
            address = server.base_url.removesuffix("/v1")
            chat = open_chat_model(
                Model("claude", "anthropic", address, model, api_key="sk-ant"), LlmSettings()
            )
            return [piece async for piece in chat.stream(PROMPT)], server

    return asyncio.run(run())


@pytest.mark.skipif(not IS_INSTALLED, reason="the extra anthropic is not installed")
def test_its_answer_comes_without_its_thoughts_and_is_counted():
    (*parts, end), server = ask("claude-haiku-4-5")

    said = "".join(piece.text for piece in parts if isinstance(piece, TextPiece))
    assert said == "The notice period is three months."
    assert end == EndPiece("length", prompt_tokens=26, completion_tokens=30)
    (sent,) = server.requests
    assert sent["max_tokens"] == 99
    assert sent["temperature"] == 1
    assert sent["stop_sequences"] == ["END"]
    assert "seed" not in sent
    assert "x-api-key: sk-ant" in server.heads[0].lower()


@pytest.mark.skipif(IS_INSTALLED, reason="the extra anthropic is installed")
def test_without_its_package_the_command_that_installs_it_is_named():
    with pytest.raises(ModelUnavailable, match="pip install llama-index-llms-anthropic"):
        ask("claude-haiku-4-5")
