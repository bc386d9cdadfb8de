"""From domain types to JSON objects, one function per noun. Secrets have no field here.

Apps have a module of their own: `api/resources/apps/responses.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any, TypeVar

from api.resources.datasets.processing import processing_fields
from kb.store.content.documents import OldVersion
from kb.store.engine.paging import Listing
from kb.store.work.batches import Batch, BatchItem
from kb.types import (
    AppAccess,
    Chunk,
    Considered,
    Conversation,
    Dataset,
    Document,
    Failure,
    Hit,
    Key,
    Model,
    Page,
    Span,
)

T = TypeVar("T")
Json = dict[str, Any]


def listing(page: Listing[T], encode: Callable[[T], Json]) -> Json:
    """A part of a list."""
    return part(page.data, page.next, encode)


def part(items: Iterable[T], cursor: str | None, encode: Callable[[T], Json]) -> Json:
    """Some items and the cursor of the rest."""
    return {"data": [encode(item) for item in items], "next": cursor}


def failure(value: Failure | None) -> Json | None:
    """Why something failed, if it did."""
    return None if value is None else {"code": value.code, "detail": value.detail}


def dataset(value: Dataset, documents: dict[str, int] | None = None) -> Json:
    """A dataset; with the number of its documents by status where that was asked for."""
    counted = {} if documents is None else {"documents": documents}
    return {
        "id": value.id,
        "name": value.name,
        "description": value.description,
        "processing": processing_fields(value.processing),
        "embedder": value.embedder,
        "generation": value.generation,
        **counted,
        "created_at": value.created_at,
    }


def document(value: Document) -> Json:
    """A document; `version` is the newest upload, `live_version` the one that answers."""
    return {
        "id": value.id,
        "dataset_id": value.dataset_id,
        "name": value.name,
        "version": value.version,
        "live_version": value.live_version,
        "media_type": value.media_type,
        "size_bytes": value.size_bytes,
        "sha256": value.sha256 or None,
        "metadata": dict(value.metadata),
        "status": value.status,
        "error": failure(value.error),
        "chunk_count": value.chunk_count,
        "receipt": None if value.receipt is None else dict(value.receipt),
        "batch_id": value.batch_id,
        "created_at": value.created_at,
        "updated_at": value.updated_at,
    }


def old_version(value: OldVersion) -> Json:
    """A version that was kept when it was replaced."""
    return asdict(value)


def chunk(value: Chunk) -> Json:
    """A chunk; `page`, `start` and `end` are its first span's, `parent` what a hit returns."""
    return {
        "id": value.id,
        "index": value.index,
        **asdict(value.spans[0]),
        "spans": spans(value.spans),
        "text": value.text,
        "heading": value.heading,
        "index_text": value.index_text,
        "parent": value.parent and spans(value.parent.spans),
    }


def spans(values: Iterable[Span]) -> list[Json]:
    """Characters of pages."""
    return [asdict(span) for span in values]


def page(value: Page) -> Json:
    """A page and its text."""
    return {"number": value.number, "text": value.text}


def hit(value: Hit, *, explain: bool) -> Json:
    """What a search found; why only if that was asked for."""
    found = value.chunk
    encoded = {
        "chunk_id": found.id,
        "document_id": found.document_id,
        "document_name": value.document_name,
        **asdict(found.spans[0]),
        "spans": spans(found.spans),
        "heading": found.heading,
        "text": found.text,
        "score": round(value.score, 6),
    }
    return {**encoded, "why": dict(value.why)} if explain else encoded


def considered(value: Considered) -> Json:
    """A candidate that became no hit, and why."""
    return {**asdict(value), "score": round(value.score, 6), "why": dict(value.why)}


def batch(value: Batch) -> Json:
    """An upload and some of its documents; `next` is the cursor of the rest."""
    return {
        "id": value.id,
        "dataset_id": value.dataset_id,
        **progress(value),
        "documents": [batch_item(item) for item in value.documents],
        "next": value.next,
        "created_at": value.created_at,
    }


def progress(value: Batch) -> Json:
    """How far a batch has come; a document deleted meanwhile is neither ready nor failed."""
    pace = None if value.is_paused else value.pace
    return {
        "status": batch_status(value),
        "total": value.total,
        "ready": value.count("ready"),
        "failed": value.count("failed"),
        "skipped": value.skipped,
        "documents_per_s": None if pace is None else round(pace.documents_per_s, 1),
        "bytes_per_s": None if pace is None else round(pace.bytes_per_s),
        "eta_s": None if pace is None or pace.eta_s is None else round(pace.eta_s, 1),
    }


def batch_status(value: Batch) -> str:
    """Completed is final; a paused batch waits for its resumption."""
    if value.is_completed:
        return "completed"
    return "paused" if value.is_paused else "running"


def batch_item(value: BatchItem) -> Json:
    """One document of a batch."""
    return {
        "document_id": value.document_id,
        "name": value.name,
        "status": value.status,
        "error": failure(value.error),
        "note": failure(value.note),
    }


def key(value: Key) -> Json:
    """A key without its secret."""
    return {
        "id": value.id,
        "kind": value.kind,
        "name": value.name,
        "dataset_ids": list(value.dataset_ids),
        "app_id": value.app_id,
        "origins": list(value.origins),
        "limits": asdict(value.limits),
        "created_at": value.created_at,
        "expires_at": value.expires_at,
        "previous_until": value.previous_until,
        "revoked_at": value.revoked_at,
    }


def access(value: AppAccess) -> Json:
    """What counts for all keys of an app."""
    return {"origins": list(value.origins), "limits": asdict(value.limits)}


def model(value: Model) -> Json:
    """A language model; of its provider's key only whether there is one."""
    fields = asdict(value)
    fields["has_api_key"] = fields.pop("api_key") is not None
    return {**fields, "stop": list(value.stop)}


def conversation(value: Conversation) -> Json:
    """A conversation."""
    return {
        "id": value.id,
        "app_id": value.app_id,
        "name": value.name,
        "user": value.end_user,
        "created_at": value.created_at,
        "updated_at": value.updated_at,
    }
