"""Models, apps and their versions, conversations, messages and what people say about them."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    text,
)

from kb.store.engine.schema.columns import CONTENT, Stored, columns, metadata
from kb.types import Annotation, App, AppVersion, Conversation, Feedback, Message, Rollout

models = Table(
    "models",
    metadata,
    Column("name", String, primary_key=True),
    Column("workspace", String, primary_key=True),
    Column("content", JSON, nullable=False),
    Column("api_key_sealed", LargeBinary),
    Column("created_at", String, nullable=False),
)

apps = Table(
    "apps",
    metadata,
    *columns(App, "id", besides=("inputs",)),
    Column("workspace", String, nullable=False),
    Column("draft", Stored(CONTENT), nullable=False),
    Column("draft_revision", Integer, nullable=False),
    UniqueConstraint("workspace", "slug"),
)

app_versions = Table(
    "app_versions",
    metadata,
    *columns(AppVersion, "app_id", "version", besides=("content",)),
    Column("content", Stored(CONTENT), nullable=False),
    ForeignKeyConstraint(["app_id"], ["apps.id"]),
)

rollouts = Table(
    "rollouts",
    metadata,
    *columns(Rollout, "app_id"),
    ForeignKeyConstraint(["app_id"], ["apps.id"]),
)

conversations = Table(
    "conversations",
    metadata,
    *columns(Conversation, "id"),
    Column("workspace", String, nullable=False),
    ForeignKeyConstraint(["app_id"], ["apps.id"]),
    Index(None, "app_id"),
    Index(None, "replay_of"),
    Index(None, "external_id", unique=True),
)

WRONG = text("(grounded IN (0, 2) OR CAST(unsupported AS VARCHAR) <> '[]')")
"""Refused, weak or with sentences that nothing supports: a query that says it uses the index."""

messages = Table(
    "messages",
    metadata,
    *columns(Message, "id"),
    Column("suggested", Stored(tuple[str, ...])),
    ForeignKeyConstraint(["conversation_id"], ["conversations.id"]),
    UniqueConstraint("run_id"),
    Index(None, "conversation_id"),
    Index(None, "annotation_id"),
    Index("ix_messages_wrong", "app_id", sqlite_where=WRONG, postgresql_where=WRONG),
)

disclosures = Table(
    "disclosures",
    metadata,
    Column("app_id", String, ForeignKey("apps.id"), primary_key=True),
    Column("prompt", String, primary_key=True),
    Column("reader", String, primary_key=True),
    Column("intervals", JSON, nullable=False),
    Column("updated_at", String, nullable=False),
)

feedback = Table(
    "feedback",
    metadata,
    *columns(Feedback, "message_id", "source"),
    Column("app_id", String, nullable=False, index=True),
    ForeignKeyConstraint(["message_id"], ["messages.id"]),
)

fixed_answers = Table(
    "annotations",
    metadata,
    *columns(Annotation, "id", besides=("hits", "last_hit_at")),
    Column("wording", String, nullable=False),
    Column("embedder", String),
    Column("vector", LargeBinary),
    ForeignKeyConstraint(["app_id"], ["apps.id"]),
    UniqueConstraint("app_id", "wording"),
)
