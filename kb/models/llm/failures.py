"""How a language model may fail, told apart by what is worth doing about it.

All of them are `ModelUnavailable` with a sentence of ours: no word of the server's is in them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from kb.errors import ModelUnavailable

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


def _until(date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())
