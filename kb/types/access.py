"""Who is asking and what they may touch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Permission = Literal["admin", "ingest", "search", "chat"]
KeyKind = Literal["admin", "dataset", "app", "widget"]

DEFAULT_WORKSPACE = "default"


@dataclass(frozen=True, slots=True)
class Scope:
    """Who is asking and what they may touch. Every store call takes one; none takes a bare id.

    `datasets` and `apps` are the ids that may be seen; None means all of the workspace.
    `end_user` narrows conversations to one person behind an app key.
    """

    permissions: frozenset[Permission]
    datasets: frozenset[str] | None = None
    apps: frozenset[str] | None = None
    end_user: str | None = None
    key_id: str | None = None
    workspace: str = DEFAULT_WORKSPACE

    @classmethod
    def admin(cls) -> Scope:
        """The scope of the operator: the admin key, the console and the command line."""
        return cls(frozenset({"admin", "ingest", "search", "chat"}))

    def may(self, permission: Permission) -> bool:
        """Whether this scope holds a permission."""
        return permission in self.permissions


@dataclass(frozen=True, slots=True)
class Key:
    """An access key as stored: its secret is known only as a keyed hash."""

    id: str
    kind: KeyKind
    name: str
    dataset_ids: tuple[str, ...]
    app_id: str | None
    created_at: str
    revoked_at: str | None
