"""The tables. `migrations/` creates them; a test holds the two against each other."""

from kb.store.engine.schema.access import app_access, idempotency, keys, marks, sessions, usage
from kb.store.engine.schema.conversations import (
    app_versions,
    apps,
    conversations,
    feedback,
    fixed_answers,
    messages,
    models,
)
from kb.store.engine.schema.documents import (
    chunks,
    datasets,
    document_versions,
    documents,
    embeddings,
    generation_documents,
    generations,
    layouts,
    pages,
    passages,
)
from kb.store.engine.schema.metadata import metadata
from kb.store.engine.schema.work import (
    batch_items,
    batches,
    erasures,
    index_ops,
    jobs,
    throughput,
    uploads,
)

HEAD = "0004"
"""The migration that this code expects."""

__all__ = [
    "HEAD",
    "app_access",
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
    "erasures",
    "feedback",
    "fixed_answers",
    "generation_documents",
    "generations",
    "idempotency",
    "index_ops",
    "jobs",
    "keys",
    "layouts",
    "marks",
    "messages",
    "metadata",
    "models",
    "pages",
    "passages",
    "sessions",
    "throughput",
    "uploads",
    "usage",
]
