"""Keys and sessions, usage, first results kept for `Idempotency-Key`, and marks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, Float, Index, Integer, LargeBinary, String, Table, Text

from kb.store.engine.schema.columns import Stored, columns, metadata
from kb.types import Budget, Key, Limits

keys = Table(
    "keys",
    metadata,
    *columns(Key, "id"),
    Column("workspace", String, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("previous_digest", LargeBinary(32)),
    Column("sealed", LargeBinary),
)

sessions = Table(
    "sessions",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("expires", Float, nullable=False),
)

app_access = Table(
    "app_access",
    metadata,
    Column("app_id", String, primary_key=True),
    Column("origins", Stored(tuple[str, ...]), nullable=False),
    Column("limits", Stored(Limits), nullable=False),
)

budgets = Table(
    "budgets",
    metadata,
    *columns(Budget, "of", "id", "unit", "period", besides=("spent", "state", "resets_at")),
    Column("told", String),
)


def _used(*by: str) -> Iterator[Column[Any]]:
    """What has been used; `cost` is of one currency, which is empty where nothing has a price."""
    yield from (Column(name, String, primary_key=True) for name in (*by, "currency"))
    yield Column("workspace", String, nullable=False)
    for name in ("answers", "prompt_tokens", "completion_tokens"):
        yield Column(name, Integer, nullable=False)
    yield Column("cost", Float, nullable=False)
    for name in ("estimated_tokens", "cached_tokens", "reasoning_tokens"):
        yield Column(name, Integer, nullable=False)


usage = Table(
    "usage",
    metadata,
    *_used("day", "key_id", "app_id", "model", "variant"),
    Index(None, "key_id", "day"),
    Index(None, "app_id", "day"),
)

user_usage = Table(
    "user_usage",
    metadata,
    *_used("app_id", "end_user", "day"),
    Index(None, "day"),
    Index(None, "end_user"),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("key", String, primary_key=True),
    Column("caller", String, primary_key=True),
    Column("fingerprint", String, nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Column("created", Float, nullable=False),
)

marks = Table(
    "marks",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", Text, nullable=False),
)

alembic_version = Table(
    "alembic_version",
    metadata,
    Column("version_num", String(32), primary_key=True),
)
