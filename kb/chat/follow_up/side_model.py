"""Short questions to a language model beside the answer: to rewrite a question, to suggest some.

They have a deadline of their own and may fail at any time without harm: whoever asks has another
way. They never hold the hidden prompt, so nothing of it can come back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import aclosing

from kb.chat.ask.chat_models import ChatModels, OpenModel
from kb.chat.run.recording import ModelUsage, used_tokens
from kb.errors import Unavailable
from kb.protocols import Prompt
from kb.store.access import usage
from kb.store.engine.database import Database
from kb.types import AppVersion, EndPiece, Scope, TextPiece, Turn

logger = logging.getLogger(__name__)

MAX_ANSWER_CHARACTERS = 2000
TURN_CHARACTERS = 1000
"""What of each question and answer is shown to the model."""


class SideModel:
    """Asks the model of an app's base variant something small; its tokens count as the app's.

    Args:
        timeout_s: for a whole reply; 0 asks nothing.
    """

    def __init__(self, database: Database, models: ChatModels, *, timeout_s: float) -> None:
        self._database = database
        self._models = models
        self._timeout_s = timeout_s

    async def reply(self, scope: Scope, version: AppVersion, prompt: Prompt) -> str | None:
        """What the model says; None where there is no model that follows instructions, or it fails.

        A model of style "completion" was tuned for one kind of text and is not asked.
        """
        if not self._timeout_s:
            return None
        try:
            async with asyncio.timeout(self._timeout_s):
                name = version.content.base.model
                opened = await asyncio.to_thread(self._models.find, scope, name)
                if opened is None or opened.model.style != "chat":
                    return None
                written, end = await _reply(opened, prompt)
        except (TimeoutError, Unavailable) as exc:
            logger.info("a side question was given up: %s", type(exc).__name__)
            return None
        used = ModelUsage(opened.model.name, used_tokens(prompt, written, end), opened.prices)
        await asyncio.to_thread(self._count, scope, version.app_id, used)
        return written

    def _count(self, scope: Scope, app_id: str, used: ModelUsage) -> None:
        counted = (scope, app_id, used.model, used.usage)
        self._database.writing(usage.count, *counted, cost=used.cost, answers=0)


def transcript(history: Sequence[Turn]) -> str:
    """Past turns as text, long ones cut."""
    return "\n".join(
        f"User: {turn.query[:TURN_CHARACTERS]}\nAssistant: {turn.answer[:TURN_CHARACTERS]}"
        for turn in history
    )


async def _reply(model: OpenModel, prompt: Prompt) -> tuple[str, EndPiece]:
    written, end = "", EndPiece()
    async with aclosing(model.stream(prompt)) as pieces:
        async for piece in pieces:
            match piece:
                case TextPiece(text):
                    written += text
                case EndPiece():
                    end = piece
            if len(written) > MAX_ANSWER_CHARACTERS:
                break
    return written, end
