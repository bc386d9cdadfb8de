"""Signing in to the console: what opens it, and the sessions that it opens.

A session is known by a keyed hash of its cookie, in a row and in memory: it outlives a restart, and
whoever signs out ends it here, whatever becomes of the cookie. In a cluster the row counts, which
each process reads. Everything but the rows belongs to one event loop.
"""

from __future__ import annotations

import hmac
import secrets
import time
from contextlib import suppress

from kb.access.shared import SharedTries
from kb.access.sign_in import SignInTries, Tries
from kb.errors import DatabaseDamaged, Unauthenticated
from kb.store.access import sessions
from kb.store.access.secrets import Secrets
from kb.store.engine.database import Database

SESSION_S = 12 * 3600


class Console:
    """The sessions of the console, and the link and the key that open one."""

    def __init__(
        self, database: Database, vault: Secrets, admin_key: str, *, is_shared: bool = False
    ) -> None:
        self._database = database
        self._vault = vault
        self._admin_key = admin_key
        self._ends_at: dict[bytes, float] = {}
        with suppress(DatabaseDamaged):  # people sign in again, and may repair what is damaged
            self._ends_at = database.reading(sessions.every)
        self._is_shared = is_shared
        self.tries: Tries = SharedTries(database) if is_shared else SignInTries(time.monotonic)
        self.login_token = self._new_link()
        """What the login link carries: good until this process ends, or all sessions are ended. In
        a cluster every process takes it, as long as a session lasts."""

    def check(self, token_or_key: str, address: str) -> None:
        """Whether this opens a session.

        Raises:
            Unauthenticated: it is neither the login link's token nor the admin key.
            RateLimited: too many wrong ones came from this address.
        """
        self.tries.admit(address)
        given = token_or_key.encode()
        is_key = bool(self._admin_key) and hmac.compare_digest(given, self._admin_key.encode())
        is_link = hmac.compare_digest(given, self.login_token.encode())
        if self._is_shared and not is_key:
            is_link = self._has_row(self._digest("login", token_or_key))
        if not (is_key or is_link):
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
        """Whether a cookie is that of a session. Only in a cluster something is read."""
        if self._is_shared:
            return self._has_row(self._digest("session", cookie or ""))
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
        self._ends_at = {}
        self._database.writing(sessions.remove_all)
        self.login_token = self._new_link()

    def _new_link(self) -> str:
        token = secrets.token_urlsafe(24)
        if self._is_shared:
            until = time.time() + SESSION_S
            self._database.writing(sessions.add, self._digest("login", token), until)
        return token

    def _has_row(self, digest: bytes) -> bool:
        return self._database.asking(sessions.end_of, digest) > time.time()

    def _digest(self, purpose: str, cookie: str) -> bytes:
        # The admin key is part of it: changing it ends every session.
        return self._vault.digest(f"{purpose}|{self._admin_key}|{cookie}")
