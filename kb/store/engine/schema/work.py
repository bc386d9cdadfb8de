"""Work to be done: uploads, batches, jobs and what the derived indexes still have to apply."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from kb.store.engine.schema.columns import Stored, metadata
from kb.types import Failure

uploads = Table(
    "uploads",
    metadata,
    Column("id", String, primary_key=True),
    Column("workspace", String, nullable=False),
    Column("dataset_id", String, ForeignKey("datasets.id")),
    Column("name", Text, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("options", JSON, nullable=False),
    Column("batch_id", String),
    Column("document_id", String),
    Column("expires", Float, nullable=False),
    Column("created_at", String, nullable=False),
    Column("key_id", String),
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
    Column("key_id", String),
    Index(None, "dataset_id", "created_at"),
    Index(None, "key_id", "created_at"),
)

batch_items = Table(
    "batch_items",
    metadata,
    Column("batch_id", String, ForeignKey("batches.id"), primary_key=True),
    Column("document_id", String, primary_key=True, index=True),
    Column("version", Integer, nullable=False),
    Column("name", Text, nullable=False, index=True),
    Column("note", Stored(Failure)),
)

throughput = Table(
    "throughput",
    metadata,
    Column("batch_id", String, primary_key=True),
    Column("second", Integer, primary_key=True),
    Column("size_bytes", Float, nullable=False),
)

jobs = Table(
    "queue",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("batch_id", String, nullable=False, index=True),
    Column("attempts", Integer, nullable=False),
    Column("token", Integer, nullable=False),
    Column("run_after", Float, nullable=False),
    Column("owner", String),
    Column("lease_until", Float),
    Column("progress", Float),
    Column("key_id", String, nullable=False, server_default=""),
    Column("dataset_id", String, nullable=False, server_default=""),
    UniqueConstraint("subject", "kind"),
    Index(None, "kind", "key_id", "dataset_id", "attempts", "id"),
    sqlite_autoincrement=True,  # an id that comes back would void the fencing of claims
)

processes = Table(
    "processes",
    metadata,
    Column("id", String, primary_key=True),
    Column("beat", Float, nullable=False),
)

index_ops = Table(
    "index_ops",
    metadata,
    Column("seq", Integer, Identity(), primary_key=True),
    Column("kind", String, nullable=False),
    Column("dataset_id", String, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("document_id", String),
    Column("version", Integer),
    Column("chunk_count", Integer, nullable=False),
    Column("texts", LargeBinary),
)

index_copies = Table(
    "index_copies",
    metadata,
    Column("node", String, primary_key=True),
    Column("dataset_id", String, primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("applied_seq", Integer, nullable=False),
    Column("missed_seq", Integer, nullable=False),
    Column("renewed", Integer, nullable=False),
    Column("renewals", Integer, nullable=False),
    Index(None, "dataset_id", "generation"),
)

erasures = Table(
    "erasures",
    metadata,
    Column("document_id", String, primary_key=True),
    Column("workspace", String, nullable=False),
    Column("dataset_id", String, nullable=False),
    Column("deleted_at", String, nullable=False),
    Column("not_before", Float, nullable=False),
    Column("originals", Stored(tuple[str, ...]), nullable=False),
    Column("samples", LargeBinary),
    Column("erased_at", String, index=True),
    Column("checks", JSON),
)

removals = Table(
    "removals",
    metadata,
    Column("sha256", String, primary_key=True),
    Column("is_kept", Boolean, nullable=False),
    Column("begun_at", Float),
    Column("ended_at", Float, index=True),
)
