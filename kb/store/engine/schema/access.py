"""Keys and sessions, usage, first results kept for `Idempotency-Key`, and marks."""

from __future__ import annotations

from sqlalchemy import Column, Float, Integer, LargeBinary, String, Table, Text

from kb.store.engine.schema.columns import Stored, columns, metadata
from kb.types import Key, Limits

keys = Table(
    "keys",
    metadata,
    *columns(Key, "id"),
    Column("workspace", String, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("previous_digest", LargeBinary(32)),
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

usage = Table(
    "usage",
    metadata,
    Column("day", String, primary_key=True),
    Column("key_id", String, primary_key=True),
    Column("app_id", String, primary_key=True),
    Column("model", String, primary_key=True),
    Column("workspace", String, nullable=False),
    Column("answers", Integer, nullable=False),
    Column("prompt_tokens", Integer, nullable=False),
    Column("completion_tokens", Integer, nullable=False),
    Column("cost", Float, nullable=False),
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
