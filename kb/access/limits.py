"""Who calls, and what a key may use: requests per minute, open streams, tokens of a day (UTC).

Requests and streams are forgotten at a restart, on purpose, and in a cluster counted once more over
all processes (`shared.py`); tokens, what models read and write, are counted in SQL. Everything but
`TokenBudget.check` belongs to one event loop's thread.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace

from kb.access.turns import Turns
from kb.errors import RateLimited
from kb.ids import seconds_to_midnight
from kb.store.access import usage
from kb.store.access.keys import Credential
from kb.store.engine.database import Database
from kb.types import KeyKind, Limits, Scope

WIDGET_LIMITS = Limits(requests_per_minute=300, concurrent_streams=100, tokens_per_day=2_000_000)
"""What a widget key may use if neither it nor its app says otherwise: anybody can read that key."""

STREAM_RETRY_S = 5


@dataclass(frozen=True, slots=True)
class Caller:
    """A known caller: the kind of its key and what it may touch and use.

    `end_user_token` is new when a widget came without one: who sends it again is the same user.
    """

    kind: KeyKind
    scope: Scope
    key_id: str | None = None
    credential: Credential | None = None
    limits: Limits = field(default_factory=Limits)
    end_user_token: str | None = None

    def narrowed(self, header: str | None) -> Caller:
        """The same for an end user, who carries no other labels than a header names."""
        if header is None:
            return self
        named, own = frozenset(header.replace(",", " ").split()), self.scope.labels
        kept = named if own is None else named & own
        return replace(self, scope=replace(self.scope, labels=kept))


ADMIN = Caller("admin", Scope.admin())
"""The operator, by key or by session."""


def too_many_requests(limit: int, wait_s: int) -> RateLimited:
    """What a key is told that asks too often."""
    return RateLimited(
        f"This key may send {limit} requests a minute. Wait {wait_s} s, and ask less "
        f"often, or have the limit of the key raised.",
        wait_s,
    )


def too_many_streams(limit: int) -> RateLimited:
    """What a key is told that waits for too many answers."""
    return RateLimited(
        f"This key may have {limit} answers open at once, and has. Wait for one to end, "
        f"or have the limit of the key raised.",
        STREAM_RETRY_S,
    )


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


class RequestRates:
    """A token bucket for each key: a minute's worth at once, then as many as flow in.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def admit(self, caller: Caller) -> None:
        """Count one request. Raises RateLimited."""
        limit = caller.limits.requests_per_minute
        if caller.credential is None or limit is None:
            return
        now = self._clock()
        bucket = self._buckets.setdefault(caller.credential.key_id, _Bucket(limit, now))
        flow = limit / 60
        bucket.tokens = min(limit, bucket.tokens + (now - bucket.filled_at) * flow)
        bucket.filled_at = now
        if bucket.tokens < 1:
            wait_s = math.ceil((1 - bucket.tokens) / flow)
            raise too_many_requests(limit, wait_s)
        bucket.tokens -= 1


class OpenStream:
    """One answer that somebody waits for, as a stream or whole."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.is_revoked = False
        self._wake: Callable[[], object] = lambda: None

    def on_revoked(self, wake: Callable[[], object]) -> None:
        """Call this when the key ends, so that a waiting reader looks."""
        self._wake = wake

    def revoke(self) -> None:
        """Tell the reader that its key is good no more."""
        self.is_revoked = True
        self._wake()


class OpenStreams:
    """The open streams of this process, by key."""

    def __init__(self) -> None:
        self._of_key: dict[str, set[OpenStream]] = {}

    def open(self, caller: Caller) -> OpenStream:
        """Count one more; close it in the end. Raises RateLimited."""
        stream = OpenStream(caller)
        if caller.credential is None:
            return stream
        limit = caller.limits.concurrent_streams
        mine = self._of_key.setdefault(caller.credential.key_id, set())
        if limit is not None and len(mine) >= limit:
            raise too_many_streams(limit)
        mine.add(stream)
        return stream

    def close(self, stream: OpenStream) -> None:
        credential = stream.caller.credential
        if credential is None:
            return
        mine = self._of_key.get(credential.key_id, set())
        mine.discard(stream)
        if not mine:
            self._of_key.pop(credential.key_id, None)

    def credentials(self) -> set[Credential]:
        """The secrets that open streams were opened with."""
        streams = (stream for mine in self._of_key.values() for stream in mine)
        return {item.caller.credential for item in streams if item.caller.credential is not None}

    def revoke(self, credentials: set[Credential]) -> None:
        """End the streams that were opened with one of these credentials."""
        for key_id in {credential.key_id for credential in credentials}:
            for stream in self._of_key.get(key_id, ()):
                if {stream.caller.credential, Credential(key_id)} & credentials:
                    stream.revoke()


class TokenBudget:
    """Looks at the limit of tokens a day. Used tokens count when an answer is stored."""

    def __init__(self, database: Database, turns: Turns | None = None) -> None:
        self._database = database
        self._turns = turns or Turns()

    def turn(self, key_id: str | None) -> AbstractAsyncContextManager[None]:
        """What to hold from looking at the tokens left until the answer has begun: two answers
        must not both begin with the last tokens of a day."""
        return self._turns.of("tokens", key_id)

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
        used = self._database.asking(usage.tokens_today, key_id)
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
