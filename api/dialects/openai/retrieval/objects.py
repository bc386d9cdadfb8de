"""Vector stores, their files and batches as the clients read them."""

from __future__ import annotations

import time
from typing import Any

from api.dialects.dialect import seconds
from kb.errors import UnsupportedMedia
from kb.store.content import members
from kb.store.engine.database import Transaction
from kb.types import Dataset, Document, Failure, Hit, Scope, SplitOptions, StoredFile

Object = dict[str, Any]
"""What the clients read as an object of a type of theirs."""

_STATES = {"pending": "in_progress", "indexing": "in_progress", "ready": "completed"}


def stored_file(file: StoredFile) -> Object:
    """A file as the clients read it."""
    return {
        "id": file.id,
        "object": "file",
        "bytes": file.size_bytes,
        "created_at": seconds(file.created_at),
        "expires_at": None if file.expires is None else int(file.expires),
        "filename": file.name,
        "purpose": file.purpose,
        "status": "processed",
        "status_details": None,
    }


def store_object(tx: Transaction, scope: Scope, dataset: Dataset) -> Object:
    """A vector store with the numbers of its files."""
    counts, size = members.counts(tx, scope, dataset.id)
    is_over = dataset.expires is not None and dataset.expires <= time.time()
    status = "expired" if is_over else _status(counts)
    days = dataset.expires_after_days
    return {
        "id": dataset.id,
        "object": "vector_store",
        "created_at": seconds(dataset.created_at),
        "name": dataset.name,
        "description": dataset.description,
        "usage_bytes": size,
        "file_counts": counts,
        "status": status,
        "expires_after": days and {"anchor": "last_active_at", "days": days},
        "expires_at": None if dataset.expires is None else int(dataset.expires),
        "last_active_at": seconds(dataset.active_at or dataset.created_at),
        "metadata": dict(dataset.metadata),
    }


def file_object(document: Document, split: SplitOptions) -> Object:
    """A file of a vector store."""
    state = _STATES.get(document.status, "failed")
    is_cancelled = document.error is not None and document.error.code == "cancelled"
    sizes = {"max_chunk_size_tokens": split.max_tokens, "chunk_overlap_tokens": split.overlap}
    static = {"type": "static", "static": sizes}
    return {
        "id": document.file_id or document.id,
        "object": "vector_store.file",
        "created_at": seconds(document.created_at),
        "vector_store_id": document.dataset_id,
        "status": "cancelled" if state == "failed" and is_cancelled else state,
        "last_error": document.error and _last_error(document.error),
        "usage_bytes": document.size_bytes,
        "attributes": dict(document.metadata),
        "chunking_strategy": {"type": "other"} if split.max_tokens is None else static,
    }


def batch_object(
    tx: Transaction, scope: Scope, dataset_id: str, batch_id: str, created_at: str
) -> Object:
    """A batch of files with their numbers."""
    counts, _ = members.counts(tx, scope, dataset_id, batch_id)
    status = _status(counts)
    return {
        "id": batch_id,
        "object": "vector_store.files_batch",
        "created_at": seconds(created_at),
        "vector_store_id": dataset_id,
        "status": "cancelled" if status == "completed" and counts["cancelled"] else status,
        "file_counts": counts,
    }


def result_object(hit: Hit) -> Object:
    """A passage that a search found."""
    return {**cited_file(hit), "score": hit.score, "attributes": dict(hit.metadata)}


def cited_file(hit: Hit) -> dict[str, str]:
    """The file that a passage is of; its document's own id where it was uploaded otherwise."""
    return {
        "file_id": hit.file_id or hit.chunk.document_id,
        "filename": members.name_of_file(hit.document_name, hit.file_id),
    }


def texts_page(kind: str, data: list[dict[str, Any]], **others: Any) -> Object:
    """Results or contents, which come all at once."""
    page = {"object": f"vector_store.{kind}.page", **others, "data": data}
    return page | {"has_more": False, "next_page": None}


def _status(counts: dict[str, int]) -> str:
    return "in_progress" if counts["in_progress"] else "completed"


def _last_error(error: Failure) -> dict[str, str]:
    """The clients know three codes; ours stands before the sentence."""
    code = "unsupported_file" if error.code == UnsupportedMedia.code else "invalid_file"
    return {"code": code, "message": f"{error.code}: {error.detail}"}
