"""The tables. `migrations/` creates them; a test holds the two against each other."""

from kb.store.schema.access import idempotency, keys, marks
from kb.store.schema.conversations import app_versions, apps, conversations, messages, models
from kb.store.schema.documents import (
    chunks,
    datasets,
    document_versions,
    documents,
    embeddings,
    pages,
    passages,
)
from kb.store.schema.metadata import metadata
from kb.store.schema.work import batch_items, batches, index_ops, jobs, uploads

HEAD = "0002"
"""The migration that this code expects."""

__all__ = [
    "HEAD",
    "app_versions",
    "apps",
    "batch_items",
    "batches",
    "chunks",
    "conversations",
    "datasets",
    "document_versions",
    "documents",
    "embeddings",
    "idempotency",
    "index_ops",
    "jobs",
    "keys",
    "marks",
    "messages",
    "metadata",
    "models",
    "pages",
    "passages",
    "uploads",
]
