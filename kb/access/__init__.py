"""Who is calling: access keys, the operator's key and console sessions.

A widget key is public, so it never speaks for itself: every caller with one is some end user, the
one whom a signed token names, or a new nobody with no conversations.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace

from anyio import CancelScope

from kb.access.console import Console
from kb.access.limits import (
    ADMIN,
    WIDGET_LIMITS,
    Caller,
    OpenStream,
    OpenStreams,
    RequestRates,
    TokenBudget,
)
from kb.access.shared import SharedLimits
from kb.access.turns import Turns
from kb.errors import NotAllowed, Unauthenticated
from kb.files.owners import Owner
from kb.ids import new_id
from kb.store.access import keys
from kb.store.access.keys import Credential, VerifiedKey
from kb.store.access.secrets import Secrets
from kb.store.engine.database import Database
from kb.threads import in_thread
from kb.types import ANONYMOUS

__all__ = ["ADMIN", "Access", "Caller", "OpenStream", "OpenStreams"]

ANONYMOUS_S = 30 * 24 * 3600
"""How long somebody without a token of the app's owner can come back to their conversations."""

_WRONG_PAGE = (
    "This widget key may not be used from here: the header `Origin` must name one of the origins "
    "that the key or its app lists."
)


class Access:
    """Turns what a request carries into a caller. Every check goes through here."""

    def __init__(
        self, database: Database, vault: Secrets, admin_key: str, owner: Owner | None = None
    ) -> None:
        """
        Args:
            owner: this process among others that count with it; None if it is alone.
        """
        self._database = database
        self._vault = vault
        self.admin_key = admin_key
        self.console = Console(database, vault, admin_key, is_shared=owner is not None)
        self.rates = RequestRates(time.monotonic)
        self.streams = OpenStreams()
        self.turns = Turns() if owner is None else Turns(database, owner)
        self.tokens = TokenBudget(database, self.turns)
        self._shared = None if owner is None else SharedLimits(database, owner)

    async def admit(self, caller: Caller) -> None:
        """Count one request. Raises RateLimited."""
        self.rates.admit(caller)
        if self._shared is not None and caller.limits.requests_per_minute is not None:
            await in_thread(self._shared.admit, caller)

    @asynccontextmanager
    async def stream(self, caller: Caller) -> AsyncIterator[OpenStream]:
        """Count an answer as open as long as the block lasts. Raises RateLimited."""
        stream = self.streams.open(caller)
        shared = self._shared if caller.limits.concurrent_streams is not None else None
        try:
            if shared is not None:
                await in_thread(shared.open, caller)
            try:
                yield stream
            finally:
                if shared is not None:
                    with CancelScope(shield=True):
                        await in_thread(shared.close, caller)
        finally:
            self.streams.close(stream)

    async def has_session(self, cookie: str | None) -> bool:
        """Whether a cookie opens the console."""
        if self._shared is None:
            return self.console.is_open(cookie)
        return cookie is not None and await in_thread(self.console.is_open, cookie)

    def authenticate(
        self,
        token: str | None,
        *,
        origin: str | None = None,
        is_own_page: bool = False,
        end_user: str | None = None,
    ) -> Caller:
        """The caller behind a bearer token.

        Args:
            origin: of the page that sends it; a widget key is good on its own pages only.
            is_own_page: it is one of the server's own, such as the chat page of a share link.
            end_user: a token that names who sits in front of a widget.

        Raises:
            Unauthenticated: no key, or a malformed, unknown, wrong, expired or revoked one, all
                alike; or the end user's token is not good.
            NotAllowed: a widget key on a page of another origin.
        """
        if not token:
            raise Unauthenticated
        if self.is_admin_key(token):
            return ADMIN
        found = self._database.asking(keys.authenticate, self._vault, token)
        if found is None:
            raise Unauthenticated
        caller = _caller(found)
        if found.key.is_public:
            allowed = found.key.origins or found.of_app.origins
            if not is_own_page and (origin is None or origin not in allowed):
                raise NotAllowed(_WRONG_PAGE)
            return self._widget_caller(token, found, caller, end_user)
        return caller

    def signing_secret(self, token: str) -> str:
        """What the owner of a widget key signs end users' tokens with; it goes with the key."""
        return self._signing_secret(self._vault.digest(token))

    def widget_origins(self) -> frozenset[str]:
        """The origins whose pages may read answers."""
        return self._database.reading(keys.widget_origins)

    def invalid(self, credentials: Iterable[Credential]) -> set[Credential]:
        """Those of the credentials that are good no more: revoked, expired or rotated away."""
        return self._database.asking(keys.invalid, credentials)

    def _widget_caller(
        self,
        token: str,
        found: VerifiedKey,
        caller: Caller,
        end_user: str | None,
    ) -> Caller:
        """A caller with a widget key as the end user that it speaks for."""
        from kb.access import end_users  # imports a lot of cryptography, for widgets only

        if end_user is not None:
            signing = [self._signing_secret(digest) for digest in found.digests]
            name, labels = end_users.end_user_of(end_user, signing, time.time())
            carried = labels.intersection(found.key.labels)
            return replace(caller, scope=replace(caller.scope, end_user=name, labels=carried))
        name = new_id(ANONYMOUS)
        secret = self.signing_secret(token)
        named = end_users.sign(secret, name, int(time.time()) + ANONYMOUS_S)
        scope = replace(caller.scope, end_user=name)
        return replace(caller, scope=scope, end_user_token=named)

    def _signing_secret(self, digest: bytes) -> str:
        # Derived, so that it is nowhere stored, and ends with the key's secret on rotation.
        return f"kbs_{self._vault.digest(f'end users|{digest.hex()}').hex()}"

    def is_admin_key(self, token: str) -> bool:
        """Whether this is the operator's key; nothing is read."""
        same = hmac.compare_digest(token.encode(), self.admin_key.encode())
        return bool(token) and same


def _caller(found: VerifiedKey) -> Caller:
    limits = found.key.limits.or_else(found.of_app.limits)
    return Caller(
        found.key.kind,
        keys.scope_of(found.key),
        found.key.id,
        found.credential,
        limits.or_else(WIDGET_LIMITS) if found.key.is_public else limits,
    )
