"""Models, apps and their versions, conversations, messages and what people say about them."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Column,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from kb.store.engine.schema.metadata import metadata

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
    Column("id", String, primary_key=True),
    Column("workspace", String, nullable=False),
    Column("slug", String, nullable=False),
    Column("name", Text, nullable=False),
    Column("icon", Text, nullable=False),
    Column("opening", Text, nullable=False),
    Column("suggested_questions", JSON, nullable=False),
    Column("route", JSON, nullable=False),
    Column("draft", JSON, nullable=False),
    Column("draft_revision", Integer, nullable=False),
    Column("version", Integer),
    Column("created_at", String, nullable=False),
    UniqueConstraint("workspace", "slug"),
)

app_versions = Table(
    "app_versions",
    metadata,
    Column("app_id", String, ForeignKey("apps.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("content", JSON, nullable=False),
    Column("created_at", String, nullable=False),
    Column("datasets", JSON),
)

conversations = Table(
    "conversations",
    metadata,
    Column("id", String, primary_key=True),
    Column("workspace", String, nullable=False),
    Column("app_id", String, ForeignKey("apps.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("end_user", Text),
    Column("variant", String),
    Column("created_at", String, nullable=False),
    Column("updated_at", String, nullable=False),
    Column("replay_of", String, index=True),
)

messages = Table(
    "messages",
    metadata,
    Column("id", String, primary_key=True),
    Column("conversation_id", String, ForeignKey("conversations.id"), nullable=False, index=True),
    Column("run_id", String, nullable=False, unique=True),
    Column("app_id", String, nullable=False),
    Column("app_slug", String, nullable=False),
    Column("app_version", Integer, nullable=False),
    Column("query", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("status", String, nullable=False),
    Column("finish_reason", String),
    Column("grounded", Integer),
    Column("route", JSON, nullable=False),
    Column("sources", JSON, nullable=False),
    Column("citations", JSON, nullable=False),
    Column("usage", JSON, nullable=False),
    Column("timings_ms", JSON, nullable=False),
    Column("error", JSON),
    Column("created_at", String, nullable=False),
    Column("cost", Float),
    Column("unsupported", JSON),
    Column("search_query", Text),
    Column("inputs", JSON),
    Column("replay_of", String),
    Column("suggested", JSON),
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
    Column("message_id", String, ForeignKey("messages.id"), primary_key=True),
    Column("source", String, primary_key=True),
    Column("app_id", String, nullable=False, index=True),
    Column("rating", String),
    Column("text", Text, nullable=False),
    Column("better_answer", Text, nullable=False),
    Column("created_at", String, nullable=False),
    Column("updated_at", String, nullable=False),
)

fixed_answers = Table(
    "annotations",
    metadata,
    Column("id", String, primary_key=True),
    Column("app_id", String, ForeignKey("apps.id"), nullable=False),
    Column("wording", String, nullable=False),
    Column("question", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("message_id", String),
    Column("created_at", String, nullable=False),
    UniqueConstraint("app_id", "wording"),
)
