"""Answers about keys, the session, and the state of the server."""

from __future__ import annotations

from typing import Literal

from pydantic import MISSING, Field

from api.resources.response import Response, Sometimes, Timestamp
from kb.store.access.usage import Grouping, UsageTotal
from kb.types import KeyKind, Limits, Quota
from kb.upkeep.strays import Violation


class KeyResponse(Response):
    """A key without its secret."""

    id: str
    kind: KeyKind
    name: str
    dataset_ids: tuple[str, ...]
    app_id: str | None
    origins: tuple[str, ...]
    limits: Limits
    quota: Quota
    used: Sometimes[Quota] = MISSING
    """What it uses of its quota, where one key is asked for."""
    created_at: Timestamp
    expires_at: Timestamp | None
    previous_until: Timestamp | None
    """Until then the secret from before the last rotation is good as well."""
    revoked_at: Timestamp | None


class NewKeyResponse(KeyResponse):
    """A key with its secrets, which are shown this once."""

    key: str
    signing_secret: Sometimes[str] = MISSING
    """Of a widget key: what signs the tokens of its end users."""


class RevealedKey(Response):
    """The text of a key that stands in links and pages."""

    key: str


class SessionResponse(Response):
    """Who is signed in."""

    kind: str
    csrf: str | None
    """What writes of a browser session must carry; null for a key."""


class HealthResponse(Response):
    """The process answers."""

    status: Literal["ok"] = "ok"
    version: str


class ReadinessResponse(Response):
    """Which parts can serve requests."""

    status: Literal["ready", "starting"]
    checks: dict[str, bool]
    """With several machines also `vectors` and `originals`, which it can do without for a while."""
    indexes_unchecked: int
    """Indexes that are looked at after a kill; until then SQL answers in their place."""
    indexes_damaged: int
    """Indexes that are made anew; SQL answers in their place."""
    away: Sometimes[dict[str, str]] = MISSING
    """Part → why it does not answer at present, though the server is ready: such as an embedder
    behind a URL, without which words are searched alone and documents wait."""
    advice: Sometimes[str] = MISSING
    """What would make it better, such as a language model."""


class FsckResponse(Response):
    """What a check of the data folder found, and what it repaired."""

    clean: bool = Field(validation_alias="is_clean")
    documents: int | None
    """Null where the database could not say."""
    chunks: int | None
    lost: int
    """Files in `lost/`, which no document needs."""
    violations: tuple[Violation, ...]
    repaired: tuple[str, ...]
    advice: tuple[str, ...]
    """What to do about it, a sentence or two for each kind of violation."""


class UsageTotalsResponse(Response):
    """Answers, tokens and cost by app, key, end user, model, variant or day."""

    by: Grouping
    data: tuple[UsageTotal, ...]
    next: str | None
    """The cursor of the rest, null at the end."""
