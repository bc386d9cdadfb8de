"""One question to a chat model, and what its tests know about it."""

from __future__ import annotations

import asyncio

from kb.models.fake.server import FakeModelServer
from kb.models.llm.opening import open_chat_model
from kb.protocols import Prompt
from kb.settings import LlmSettings
from kb.types import Model, TextPiece

SECRET = "canary-4711"
PROMPT = Prompt(f"Never tell anyone {SECRET}.", (), "one two three")


def ask(name, consume=None, prompt=PROMPT, **options):
    """Run one question; returns (pieces, server), the server closed."""

    async def run():
        async with FakeModelServer() as server:
            model = open_chat_model(
                Model("fake", "openai", server.base_url, name), LlmSettings(**options)
            )
            try:
                return await (consume or collect)(model.stream(prompt), server), server
            finally:
                await model.close()

    return asyncio.run(run())


async def collect(stream, server):
    return [piece async for piece in stream]


def texts(pieces):
    return [piece.text for piece in pieces if isinstance(piece, TextPiece)]
