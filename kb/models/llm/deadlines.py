"""How long an answer may take: to its first token, between two tokens, and altogether.

The clock watches single awaits. An `asyncio.timeout` around a whole generator would cancel
whatever its consumer does between two tokens.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from kb.errors import ModelUnavailable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds; the defaults are those of `LlmSettings`."""

    first_token_s: float = 60.0
    gap_s: float = 30.0
    total_s: float = 600.0


class AnswerClock:
    """Watches one answer. Starts when it is made.

    Only waiting for the model uses up its patience; what a consumer does between two tokens
    does not, except that the whole answer has its limit on the wall clock.
    """

    def __init__(self, timeouts: Timeouts, model: str) -> None:
        self._timeouts = timeouts
        self._model = model
        self._end = time.monotonic() + timeouts.total_s
        self._patience_s = timeouts.first_token_s
        self._tokens = 0

    def saw(self, tokens: int) -> None:
        """Note how many tokens have come; only a growing number is a sign of life."""
        if tokens > self._tokens:
            self._tokens = tokens
            self._patience_s = self._timeouts.gap_s

    async def wait(self, awaitable: Awaitable[T]) -> T:
        """Await something within the limits.

        Raises:
            ModelUnavailable: a limit has passed.
        """
        start = time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, min(self._patience_s, self._end - start))):
                return await awaitable
        except TimeoutError:
            raise ModelUnavailable(self._late()) from None
        finally:
            self._patience_s -= time.monotonic() - start

    async def pause(self, seconds: float) -> bool:
        """Rest before another try; False, at once, where no time for a token would be left."""
        if seconds >= min(self._patience_s, self._end - time.monotonic()):
            return False
        await self.wait(asyncio.sleep(seconds))
        return True

    def _late(self) -> str:
        who = f"The language model {self._model!r}"
        if time.monotonic() >= self._end:
            return f"{who} did not finish within {self._timeouts.total_s:g} seconds."
        if self._tokens:
            return f"{who} fell silent for {self._timeouts.gap_s:g} seconds."
        return f"{who} sent no token within {self._timeouts.first_token_s:g} seconds."
