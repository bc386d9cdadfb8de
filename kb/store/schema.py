"""The tables. `migrations/` creates them; a test holds the two against each other."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

HEAD = "0001"
"""The migration that this code expects."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

datasets = Table(
    "datasets",
    metadata,
    Column("id", String, primary_key=True),
    Column("workspace", String, nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("processing", JSON, nullable=False),
    Column("embedder", Text, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("created_at", String, nullable=False),
    UniqueConstraint("workspace", "name"),
)

documents = Table(
    "documents",
    metadata,
    Column("id", String, primary_key=True),
    Column("workspace", String, nullable=False),
    Column("dataset_id", String, ForeignKey("datasets.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("live_version", Integer),
    Column("media_type", String, nullable=False),
    Column("sha256", String, nullable=False, index=True),
    Column("size_bytes", Integer, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("encoding", String),
    Column("status", String, nullable=False),
    Column("error", JSON),
    Column("chunk_count", Integer, nullable=False),
    Column("receipt", JSON),
    Column("batch_id", String),
    Column("created_at", String, nullable=False),
    Column("updated_at", String, nullable=False),
    UniqueConstraint("dataset_id", "name"),
    Index(None, "dataset_id", "status"),
)

document_versions = Table(
    "document_versions",
    metadata,
    Column("document_id", String, ForeignKey("documents.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("media_type", String, nullable=False),
    Column("sha256", String, nullable=False, index=True),
    Column("size_bytes", Integer, nullable=False),
    Column("replaced_at", String, nullable=False),
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", String, primary_key=True),
    Column("workspace", String, nullable=False),
    Column("dataset_id", String, ForeignKey("datasets.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("options", JSON, nullable=False),
    Column("batch_id", String),
    Column("document_id", String),
    Column("expires", Float, nullable=False),
    Column("created_at", String, nullable=False),
)

batches = Table(
    "batches",
    metadata,
    Column("id", String, primary_key=True),
    Column("workspace", String, nullable=False),
    Column("dataset_id", String, ForeignKey("datasets.id"), nullable=False),
    Column("mode", String, nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("skipped", Integer, nullable=False),
    Column("created_at", String, nullable=False),
)

batch_items = Table(
    "batch_items",
    metadata,
    Column("batch_id", String, ForeignKey("batches.id"), primary_key=True),
    Column("document_id", String, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("name", Text, nullable=False),
)

pages = Table(
    "pages",
    metadata,
    Column("document_id", String, ForeignKey("documents.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("text", Text, nullable=False),
)

chunks = Table(
    "chunks",
    metadata,
    Column("id", String, primary_key=True),
    Column("document_id", String, ForeignKey("documents.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("spans", JSON, nullable=False),
    Column("text", Text, nullable=False),
    Column("heading", Text, nullable=False),
    Column("index_text", Text, nullable=False),
    Column("text_hash", LargeBinary(16), nullable=False, index=True),
    Column("passage", Integer),
    Index(None, "document_id", "version", "generation", "position"),
)

passages = Table(
    "passages",
    metadata,
    Column("document_id", String, ForeignKey("documents.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("spans", JSON, nullable=False),
    Column("text", Text, nullable=False),
    Column("index_text", Text, nullable=False),
)

embeddings = Table(
    "embeddings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("text_hash", LargeBinary(16), nullable=False),
    Column("embedder", Text, nullable=False),
    Column("vector", LargeBinary, nullable=False),
    UniqueConstraint("text_hash", "embedder"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("document_id", String, ForeignKey("documents.id"), nullable=False, unique=True),
    Column("version", Integer, nullable=False),
    Column("batch_id", String, nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("done", Integer, nullable=False),
    Column("status", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("token", Integer, nullable=False),
    Column("lease_until", Float),
    Index(None, "status", "id"),
    sqlite_autoincrement=True,  # an id that comes back would void the fencing of claims
)

index_ops = Table(
    "index_ops",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("kind", String, nullable=False),
    Column("dataset_id", String, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("document_id", String),
    Column("version", Integer),
    Column("chunk_count", Integer, nullable=False),
)

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
)

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
