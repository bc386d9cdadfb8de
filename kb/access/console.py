"""Signing in to the console: what opens it, how often one may try, and the sessions that it opens.

A session is known by a keyed hash of its cookie, in a row and in memory: it outlives a restart, and
whoever signs out ends it here, whatever becomes of the cookie. Everything but the rows belongs to
one event loop.
"""

from __future__ import annotations

import hmac
import math
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from kb.errors import DatabaseDamaged, RateLimited, Unauthenticated
from kb.store.access import sessions
from kb.store.access.secrets import Secrets
from kb.store.engine.database import Database

SESSION_S = 12 * 3600

FREE_TRIES = 5
"""Wrong tries of an address before each one costs a pause, the next twice as long. A person who
pastes the wrong line needs two or three."""
MANY_TRIES = 100
"""Wrong tries of all addresses together in an hour, after which nobody has free ones."""
MAX_PAUSE_S = 300.0
FORGET_S = 3600.0
MAX_ADDRESSES = 10_000


@dataclass(frozen=True, slots=True)
class _Wrong:
    tries: int
    at: float


class SignInTries:
    """Wrong tries, by address. Nobody can keep somebody at another address from a first one.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._wrong: dict[str, _Wrong] = {}  # the latest last
        self._tries = 0

    def admit(self, address: str) -> None:
        """Let an address try. Raises RateLimited while it pauses."""
        now = self._clock()
        while self._wrong and (first := next(iter(self._wrong.items())))[1].at < now - FORGET_S:
            self.forget(first[0])
        wrong = self._wrong.get(address, _Wrong(0, now))
        costly = wrong.tries - (FREE_TRIES if self._tries < MANY_TRIES else 0)
        pause_s = min(MAX_PAUSE_S, 2.0 ** min(costly, 10)) if costly > 0 else 0.0
        wait_s = math.ceil(wrong.at + pause_s - now)
        if wait_s > 0:
            raise RateLimited(
                f"Too many wrong keys came from this address. Wait {wait_s} s, then try the key "
                f"of the file `admin.key` or of KB_ADMIN_KEY.",
                wait_s,
            )

    def note(self, address: str) -> None:
        before = self._wrong.pop(address, _Wrong(0, 0.0))
        self._wrong[address] = _Wrong(before.tries + 1, self._clock())
        self._tries += 1
        if len(self._wrong) > MAX_ADDRESSES:
            self.forget(next(iter(self._wrong)))

    def forget(self, address: str) -> None:
        """Start anew with an address: it had the right one, or much time has passed."""
        self._tries -= self._wrong.pop(address, _Wrong(0, 0.0)).tries


class Console:
    """The sessions of the console, and the link and the key that open one."""

    def __init__(self, database: Database, vault: Secrets, admin_key: str) -> None:
        self._database = database
        self._vault = vault
        self._admin_key = admin_key
        self._ends_at: dict[bytes, float] = {}
        with suppress(DatabaseDamaged):  # people sign in again, and may repair what is damaged
            self._ends_at = database.reading(sessions.every)
        self.tries = SignInTries(time.monotonic)
        self.login_token = secrets.token_urlsafe(24)
        """What the login link carries: good until this process ends, or all sessions are ended."""

    def check(self, token_or_key: str, address: str) -> None:
        """Whether this opens a session.

        Raises:
            Unauthenticated: it is neither the login link's token nor the admin key.
            RateLimited: too many wrong ones came from this address.
        """
        self.tries.admit(address)
        given = token_or_key.encode()
        is_key = bool(self._admin_key) and hmac.compare_digest(given, self._admin_key.encode())
        if not (is_key or hmac.compare_digest(given, self.login_token.encode())):
            self.tries.note(address)
            raise Unauthenticated
        self.tries.forget(address)

    def begin(self) -> str:
        """A new session; returns its cookie."""
        cookie = secrets.token_urlsafe(32)
        digest, ends_at = self._digest("session", cookie), time.time() + SESSION_S
        self._database.writing(sessions.add, digest, ends_at)
        self._ends_at[digest] = ends_at
        return cookie

    def is_open(self, cookie: str | None) -> bool:
        """Whether a cookie is that of a session; nothing is read."""
        return self._ends_at.get(self._digest("session", cookie or ""), 0.0) > time.time()

    def csrf(self, cookie: str) -> str:
        """The token that writes of this session must carry in a header."""
        return self._digest("csrf", cookie).hex()

    def end(self, cookie: str) -> None:
        digest = self._digest("session", cookie)
        self._ends_at.pop(digest, None)
        self._database.writing(sessions.remove, digest)

    def end_all(self) -> None:
        """End every session, and the login link."""
        self.login_token = secrets.token_urlsafe(24)
        self._ends_at = {}
        self._database.writing(sessions.remove_all)

    def _digest(self, purpose: str, cookie: str) -> bytes:
        # The admin key is part of it: changing it ends every session.
        return self._vault.digest(f"{purpose}|{self._admin_key}|{cookie}")
