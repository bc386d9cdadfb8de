"""What a key has left of its tokens of a day (UTC): what models read and write for it."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary

from kb.access.limits import STREAM_RETRY_S
from kb.errors import RateLimited
from kb.ids import seconds_to_midnight
from kb.store.access import usage
from kb.store.engine.database import Database
from kb.types import Limits


class TokenBudget:
    """Looks at the limit of tokens a day. Used tokens count when an answer is stored."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def turn(self, key_id: str | None) -> asyncio.Lock:
        """What to hold from looking at the tokens left until the answer has begun: two answers
        must not both begin with the last tokens of a day. Call it in the event loop."""
        return self._turns.setdefault(key_id or "", asyncio.Lock())

    def check(self, key_id: str | None, limits: Limits, *, in_progress: int = 0) -> None:
        """Whether a key has tokens of this day left.

        Args:
            in_progress: what its unfinished answers are expected to use; they count when they end.

        Raises:
            RateLimited: it has none.
        """
        limit = limits.tokens_per_day
        if limit is None or key_id is None:
            return
        used = self._database.reading(usage.tokens_today, key_id)
        if used >= limit:
            raise RateLimited(
                f"This key has used its {limit} tokens of today. It may go on at midnight UTC; "
                f"or have the limit of the key raised.",
                seconds_to_midnight(),
            )
        if used + in_progress >= limit:
            raise RateLimited(
                f"The answers in progress may use up this key's {limit} tokens of today. Wait for "
                f"one to end, or have the limit of the key raised.",
                STREAM_RETRY_S,
            )
