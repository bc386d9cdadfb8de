"""The configured language model (KB_LLM__MODEL) for judging and for making questions.

It is asked from here, not through an app: an app would add its own prompt and sources.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

from kb.chat.ask import chat_models
from kb.errors import Rejected
from kb.models.llm.opening import open_chat_model
from kb.protocols import Prompt, Sampling
from kb.settings import Settings
from kb.types import Model, Piece, TextPiece

LONGEST_REPLY_TOKENS = 500


def configured(settings: Settings) -> Model:
    """The model of the settings. Raises Rejected without one."""
    if (model := chat_models.configured(settings.llm)) is None:
        raise Rejected(
            "This needs a language model: set KB_LLM__MODEL and KB_LLM__BASE_URL. Everything "
            "else works without one."
        )
    return model


class ConfiguredModel:
    """One reply at a time, as even as the model can: temperature 0.

    Raises:
        Rejected: no model is configured.
    """

    def __init__(self, settings: Settings) -> None:
        self._model = configured(settings)
        self.name = self._model.model
        self._settings = settings

    async def say(self, text: str) -> str:
        """The reply to a text. Raises ModelUnavailable."""
        client = open_chat_model(self._model, self._settings.llm)
        prompt = Prompt("", (), text, sampling=Sampling(0.0, LONGEST_REPLY_TOKENS))
        pieces = cast(AsyncGenerator[Piece, None], client.stream(prompt))
        try:
            async with aclosing(pieces):
                return "".join([p.text async for p in pieces if isinstance(p, TextPiece)])
        finally:
            await client.close()
