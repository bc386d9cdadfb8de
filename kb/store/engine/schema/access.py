"""Keys and sessions, usage, first results kept for `Idempotency-Key`, and marks."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Float, Integer, LargeBinary, String, Table, Text

from kb.store.engine.schema.metadata import metadata

keys = Table(
    "keys",
    metadata,
    Column("id", String, primary_key=True),
    Column("workspace", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("name", Text, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("dataset_ids", JSON, nullable=False),
    Column("app_id", String),
    Column("created_at", String, nullable=False),
    Column("revoked_at", String),
    Column("origins", JSON),
    Column("limits", JSON),
    Column("expires_at", String),
    Column("previous_digest", LargeBinary(32)),
    Column("previous_until", String),
    Column("quota", JSON),
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
    Column("origins", JSON, nullable=False),
    Column("limits", JSON, nullable=False),
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
