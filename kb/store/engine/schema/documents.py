"""Datasets, their generations, and what is kept of documents: pages, chunks and embeddings."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from kb.store.engine.schema.metadata import metadata

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
    Column("model", Text),
    Column("quota", JSON),
    UniqueConstraint("workspace", "name"),
)

generations = Table(
    "generations",
    metadata,
    Column("dataset_id", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("processing", JSON, nullable=False),
    Column("embedder", Text, nullable=False),
    Column("model", Text),
    Column("created_at", String, nullable=False),
    Column("ready_at", String),
    Column("live_at", String),
    Column("retired_at", String),
    Column("removed_at", String),
)

generation_documents = Table(
    "generation_documents",
    metadata,
    Column("document_id", String, ForeignKey("documents.id"), primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("error", JSON),
    Column("chunk_count", Integer, nullable=False),
    Column("receipt", JSON),
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
    Column("key_id", String),
    UniqueConstraint("dataset_id", "name"),
    Index(None, "dataset_id", "status"),
    Index(None, "dataset_id", "sha256", "size_bytes"),
    Index(None, "key_id", "sha256", "size_bytes"),
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

pages = Table(
    "pages",
    metadata,
    Column("document_id", String, ForeignKey("documents.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("text", Text, nullable=False),
)

layouts = Table(
    "layouts",
    metadata,
    Column("document_id", String, ForeignKey("documents.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("blocks", JSON, nullable=False),
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
    Column("owner", String),
    UniqueConstraint("text_hash", "embedder"),
)
