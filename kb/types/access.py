"""Who is asking and what they may touch."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import astuple, dataclass
from typing import Literal

Permission = Literal["admin", "ingest", "search", "chat", "metrics"]
BudgetState = Literal["good", "warning", "exceeded"]
KeyKind = Literal["admin", "dataset", "app", "widget", "metrics"]

DEFAULT_WORKSPACE = "default"

ANONYMOUS = "anonymous"
"""How the names begin of end users whom a widget names by itself."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Who is asking and what they may touch. Every store call takes one; none takes a bare id.

    `datasets` and `apps` are the ids that may be seen; None means all of the workspace.
    `end_user` narrows conversations to one person behind an app key. Of documents with labels those
    are there that have one of `labels`, all of them with None; `day` (YYYY-MM-DD) is the one on
    which documents must be valid, today (UTC) with None.
    """

    permissions: frozenset[Permission]
    datasets: frozenset[str] | None = None
    apps: frozenset[str] | None = None
    end_user: str | None = None
    key_id: str | None = None
    workspace: str = DEFAULT_WORKSPACE
    labels: frozenset[str] | None = None
    day: str | None = None

    @classmethod
    def admin(cls) -> Scope:
        """The scope of the operator: the admin key, the console and the command line."""
        return cls(frozenset({"admin", "ingest", "search", "chat", "metrics"}))

    def sees_dataset(self, dataset_id: str) -> bool:
        """Whether a dataset of its workspace is among those that may be seen."""
        return self.datasets is None or dataset_id in self.datasets

    def carries(self, labels: Collection[str]) -> bool:
        """Whether it may see what has these labels."""
        return self.labels is None or not labels or not self.labels.isdisjoint(labels)

    def may(self, permission: Permission) -> bool:
        """Whether this scope holds a permission."""
        return permission in self.permissions


@dataclass(frozen=True, slots=True)
class Limits:
    """What one key may use; None sets no limit. Tokens count what models read and write."""

    requests_per_minute: int | None = None
    concurrent_streams: int | None = None
    tokens_per_day: int | None = None

    def or_else(self, other: Limits) -> Limits:
        """These limits, and where one is not set, the other's."""
        return Limits(
            *(
                theirs if mine is None else mine
                for mine, theirs in zip(astuple(self), astuple(other), strict=True)
            )
        )


@dataclass(frozen=True, slots=True)
class Budget:
    """What a key, or everybody who asks an app, may spend in a day or month (UTC), and has.

    The unit is "tokens", or a currency for money; `id` is that of the key or app.
    """

    of: Literal["key", "app"]
    id: str
    unit: str
    period: Literal["day", "month"]
    amount: float
    spent: float = 0.0
    state: BudgetState = "good"
    resets_at: str = ""

    def __str__(self) -> str:
        spent = f"{self.spent:,.10g} of {self.amount:,.10g} {self.unit} are used"
        return f"Budget of {self.of} {self.id!r} for the {self.period}: {spent}."


@dataclass(frozen=True, slots=True)
class Quota:
    """What a key or dataset may keep, and bring in a day (UTC), or what it does; None: no limit.

    Bytes are those of uploaded files, kept old versions as well. An open upload is a resumable one
    whose last byte has not arrived.
    """

    size_bytes: int | None = None
    documents: int | None = None
    uploads_per_day: int | None = None
    open_uploads: int | None = None


@dataclass(frozen=True, slots=True)
class AppAccess:
    """What counts for every key of an app that sets nothing else of its own."""

    origins: tuple[str, ...] = ()
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Key:
    """An access key as stored: its secret is known only as a keyed hash.

    `origins` are those of the pages that may use a widget key. From `expires_at` on, the key is
    unknown; until `previous_until`, the secret from before the last rotation is good as well.
    `labels` are the most that who asks with it carries; a key of an admin needs none.
    """

    id: str
    kind: KeyKind
    name: str
    dataset_ids: tuple[str, ...]
    app_id: str | None
    created_at: str
    revoked_at: str | None
    origins: tuple[str, ...] = ()
    limits: Limits = Limits()
    expires_at: str | None = None
    previous_until: str | None = None
    quota: Quota = Quota()
    labels: tuple[str, ...] = ()

    @property
    def is_public(self) -> bool:
        """Whether anybody can read the key, because it is in a web page."""
        return self.kind == "widget"
