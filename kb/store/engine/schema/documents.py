"""Datasets, their generations, and what is kept of documents: pages, chunks and embeddings."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from kb.store.engine.schema.columns import SPANS, Stored, columns, metadata
from kb.types import Block, Dataset, Document, Failure, Generation, StoredFile

datasets = Table(
    "datasets",
    metadata,
    *columns(Dataset, "id"),
    Column("workspace", String, nullable=False),
    UniqueConstraint("workspace", "name"),
)

generations = Table(
    "generations",
    metadata,
    *columns(Generation, "dataset_id", "number", besides=("status",)),
    Column("removed_at", String),
)

generation_documents = Table(
    "generation_documents",
    metadata,
    Column("document_id", String, ForeignKey("documents.id"), primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("error", Stored(Failure)),
    Column("chunk_count", Integer, nullable=False),
    Column("receipt", JSON),
)

documents = Table(
    "documents",
    metadata,
    *columns(Document, "id"),
    Column("workspace", String, nullable=False),
    Column("encoding", String),
    Column("key_id", String),
    ForeignKeyConstraint(["dataset_id"], ["datasets.id"]),
    UniqueConstraint("dataset_id", "name"),
    Index(None, "sha256"),
    Index(None, "dataset_id", "status"),
    Index(None, "dataset_id", "sha256", "size_bytes"),
    Index(None, "key_id", "sha256", "size_bytes"),
    Index(None, "file_id"),
)

files = Table(
    "files",
    metadata,
    *columns(StoredFile, "id"),
    Column("workspace", String, nullable=False),
    Index(None, "sha256"),
    Index(None, "key_id", "size_bytes"),
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
    Column("blocks", Stored(tuple[Block, ...]), nullable=False),
)

chunks = Table(
    "chunks",
    metadata,
    Column("id", String, primary_key=True),
    Column("document_id", String, ForeignKey("documents.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("spans", Stored(SPANS), nullable=False),
    Column("text", Text, nullable=False),
    Column("heading", Text, nullable=False),
    Column("index_text", Text, nullable=False),
    Column("text_hash", LargeBinary(16), nullable=False, index=True),
    Column("passage", Integer),
    Column("enabled", Boolean),
    Index(None, "document_id", "version", "generation", "position"),
)

passages = Table(
    "passages",
    metadata,
    Column("document_id", String, ForeignKey("documents.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("spans", Stored(SPANS), nullable=False),
    Column("text", Text, nullable=False),
    Column("index_text", Text, nullable=False),
)

embeddings = Table(
    "embeddings",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("text_hash", LargeBinary(16), nullable=False),
    Column("embedder", Text, nullable=False),
    Column("vector", LargeBinary, nullable=False),
    Column("owner", String),
    UniqueConstraint("text_hash", "embedder"),
)
