"""Who is calling: access keys, the operator's key, login links and console sessions."""

from __future__ import annotations

import hmac
import secrets
import time
from dataclasses import dataclass

from kb.errors import Unauthenticated
from kb.store import keys
from kb.store.database import Database
from kb.store.secrets import Secrets
from kb.types import KeyKind, Scope

SESSION_S = 12 * 3600


@dataclass(frozen=True, slots=True)
class Caller:
    """A known caller: the kind of its key and what it may touch."""

    kind: KeyKind
    scope: Scope
    key_id: str | None = None


class Access:
    """Turns what a request carries into a caller. Every check goes through here."""

    def __init__(self, database: Database, vault: Secrets, admin_key: str) -> None:
        self._database = database
        self._vault = vault
        self.admin_key = admin_key
        self._login_token = secrets.token_urlsafe(24)

    def authenticate(self, token: str | None) -> Caller:
        """The caller behind a bearer token.

        Raises:
            Unauthenticated: none, malformed, unknown, wrong or revoked, all alike.
        """
        if not token:
            raise Unauthenticated
        if self._is_admin_key(token):
            return Caller("admin", Scope.admin())
        key = self._database.reading(keys.authenticate, self._vault, token)
        if key is None:
            raise Unauthenticated
        return Caller(key.kind, keys.scope_of(key), key.id)

    def login_token(self) -> str:
        """What the login link carries; it is good until this process ends."""
        return self._login_token

    def sign_in(self, token_or_key: str) -> str:
        """A session cookie for the login link's token or the admin key.

        Raises:
            Unauthenticated: it is neither.
        """
        if not (
            self._is_admin_key(token_or_key)
            or hmac.compare_digest(token_or_key.encode(), self._login_token.encode())
        ):
            raise Unauthenticated
        body = f"{int(time.time()) + SESSION_S}.{secrets.token_hex(16)}"
        return f"{body}.{self._signature('session', body)}"

    def session(self, cookie: str | None) -> Caller:
        """The caller behind a session cookie. Raises Unauthenticated."""
        body, _, signature = (cookie or "").rpartition(".")
        good = hmac.compare_digest(signature.encode(), self._signature("session", body).encode())
        expires = body.partition(".")[0]
        if not good or not expires.isdigit() or int(expires) < time.time():
            raise Unauthenticated
        return Caller("admin", Scope.admin())

    def csrf(self, cookie: str) -> str:
        """The token that writes of this session must carry in a header."""
        return self._signature("csrf", cookie)

    def _is_admin_key(self, token: str) -> bool:
        same = hmac.compare_digest(self._vault.digest(token), self._vault.digest(self.admin_key))
        return bool(token) and same

    def _signature(self, purpose: str, body: str) -> str:
        # The admin key is part of the signature: changing it ends every session.
        return self._vault.digest(f"{purpose}|{self.admin_key}|{body}").hex()
