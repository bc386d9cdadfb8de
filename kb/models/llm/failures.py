"""How a language model may fail, told apart by what is worth doing about it: wait and try again,
give up, or ask another.

All of them are `ModelUnavailable` with a sentence of ours: no word of the server's is in them.
Providers end fine-tuned models at a date they announce. A tuned variant whose model is gone by its
date gives way to base; a base model has nothing to give way to and is asked as long as it answers.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Mapping
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from kb.errors import ModelUnavailable
from kb.settings import LlmSettings
from kb.types import Model

T = TypeVar("T")

WARNING_DAYS = 30
"""How long before its date a model's shutdown is warned of."""

FIRST_PAUSE_S = 0.25
"""Before the second try; doubled before each further one."""


class TryAgain(ModelUnavailable):
    """The same request may work in a moment, if nothing of an answer has come yet.

    Attributes:
        retry_after_s: how long the server asks to be left alone, None if it does not say.
    """

    def __init__(self, detail: str, retry_after_s: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class QuestionRefused(ModelUnavailable):
    """The server takes no such request: that says nothing about how well the model is."""


class ShutDown(ModelUnavailable):
    """The model's shutdown date has come."""

    def __init__(self, model: Model) -> None:
        super().__init__(
            f"The language model {model.name!r} was shut down on {model.shutdown_at}. Choose "
            f"another for this variant."
        )


class AnswerClock:
    """How long an answer may take: to its first token, between two, and altogether; the times of
    the model go before those of the settings. Starts when it is made.

    It watches single awaits: an `asyncio.timeout` around a whole generator would cancel what its
    consumer does between two tokens. That does not use up its patience either, except that the
    whole answer has its limit on the wall clock.
    """

    def __init__(self, model: Model, settings: LlmSettings) -> None:
        self._model = model.name
        self._first_s = model.first_token_timeout_s or settings.first_token_timeout_s
        self._gap_s = model.gap_timeout_s or settings.gap_timeout_s
        self._total_s = model.total_timeout_s or settings.total_timeout_s
        self._end = time.monotonic() + self._total_s
        self._patience_s = self._first_s
        self._tokens = 0

    def saw(self, tokens: int) -> None:
        """Note how many tokens have come; only a growing number is a sign of life."""
        if tokens > self._tokens:
            self._tokens = tokens
            self._patience_s = self._gap_s

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
            return f"{who} did not finish within {self._total_s:g} seconds."
        if self._tokens:
            return f"{who} fell silent for {self._gap_s:g} seconds."
        return f"{who} sent no token within {self._first_s:g} seconds."


def pause_s(failure: TryAgain, tries: int) -> float:
    """How long to rest after a number of tries: as the server asks, else longer each time.

    A random part keeps questions that failed together from coming back together.
    """
    if failure.retry_after_s is not None:
        return failure.retry_after_s
    rest_s: float = FIRST_PAUSE_S * 2 ** (tries - 1)
    return rest_s * random.uniform(0.5, 1.0)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """The seconds of a `Retry-After` header, None where there is none that makes sense.

    Source: RFC 9110, 10.2.3: seconds or an HTTP date. Fractions are sent too.
    """
    value = headers.get("retry-after", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        return _until(value)
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _until(written: str) -> float | None:
    try:
        moment = parsedate_to_datetime(written)
    except (ValueError, OverflowError):
        return None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def today() -> date:
    """The day it is in UTC, in which shutdown dates are meant."""
    return datetime.now(UTC).date()


def has_shut_down(model: Model) -> bool:
    """Whether the model's date has come."""
    left = days_left(model, today())
    return left is not None and left <= 0


def days_left(model: Model, day: date) -> int | None:
    """Days until the model is shut down, 0 or less from its date on; None if no date is known."""
    return None if model.shutdown_at is None else (date.fromisoformat(model.shutdown_at) - day).days


def shutdown_warning(model: Model, day: date) -> str | None:
    """A sentence for operators, if the model's date is near or has passed."""
    left = days_left(model, day)
    if left is None or left > WARNING_DAYS:
        return None
    if left <= 0:
        return f"The language model {model.name!r} was shut down on {model.shutdown_at}."
    days = "1 day" if left == 1 else f"{left} days"
    return f"The language model {model.name!r} is shut down on {model.shutdown_at}, in {days}."
