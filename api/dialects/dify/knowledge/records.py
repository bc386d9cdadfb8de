"""Datasets, documents and pieces as Dify's typed clients want them: every key, or they fail.

What is not kept here has the value of nothing: 0, null, an empty text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from api.dialects.dify.knowledge.process_rules import form_of
from api.dialects.dify.wire.fields import seconds
from kb.store.engine.paging import Listing
from kb.types import Chunk, Dataset, Document, DocumentStatus

PROVIDER = "citewell"

INDEXING: Mapping[DocumentStatus, str] = {
    "pending": "waiting",
    "indexing": "indexing",
    "ready": "completed",
    "failed": "error",
}
DISPLAYED: Mapping[DocumentStatus, str] = {
    "pending": "queuing",
    "indexing": "indexing",
    "ready": "available",
    "failed": "error",
}

RETRIEVAL = {
    "search_method": "hybrid_search",
    "reranking_enable": True,
    "reranking_mode": None,
    "reranking_model": None,
    "weights": None,
    "top_k": 8,
    "score_threshold_enabled": False,
    "score_threshold": None,
}
"""How a search is made unless it says otherwise."""


def listed(records: Sequence[Any], found: Listing[Any], page: int, limit: int) -> dict[str, Any]:
    """A numbered page."""
    more = found.next is not None
    return {"data": records, "has_more": more, "limit": limit, "total": found.total, "page": page}


def dataset_record(found: Dataset, counts: Mapping[str, int]) -> dict[str, Any]:
    """A dataset; `counts` are its documents by status."""
    made, documents = seconds(found.created_at), sum(counts.values())
    return {
        "id": found.id,
        "name": found.name,
        "description": found.description,
        "provider": "vendor",
        "permission": "only_me",
        "data_source_type": "upload_file",
        "indexing_technique": "high_quality",
        "app_count": 0,
        "document_count": documents,
        "word_count": 0,
        "created_by": "",
        "author_name": "",
        "created_at": made,
        "updated_by": "",
        "updated_at": made,
        "embedding_model": found.model or found.embedder,
        "embedding_model_provider": PROVIDER,
        "embedding_available": True,
        "retrieval_model_dict": RETRIEVAL,
        "tags": [],
        "doc_form": form_of(found.processing),
        "external_knowledge_info": None,
        "external_retrieval_model": None,
        "doc_metadata": [],
        "built_in_field_enabled": True,
        "total_documents": documents,
        "total_available_documents": counts.get("ready", 0),
        "enable_api": True,
        "partial_member_list": [],
    }


def document_record(found: Document, dataset: Dataset, position: int = 1) -> dict[str, Any]:
    """A document, without what is said of its file in `file_record`."""
    file = file_record(found)
    return {
        "id": found.id,
        "position": position,
        "data_source_type": "upload_file",
        "data_source_info": {"upload_file_id": found.id},
        "data_source_detail_dict": {"upload_file": file},
        "dataset_process_rule_id": "",
        "name": found.name,
        "created_from": "api",
        "created_by": "",
        "created_at": file["created_at"],
        "updated_at": seconds(found.updated_at),
        "tokens": 0,
        "indexing_status": INDEXING.get(found.status, "completed"),
        "error": found.error.detail if found.error else None,
        "enabled": True,
        "disabled_at": None,
        "disabled_by": None,
        "archived": False,
        "display_status": DISPLAYED.get(found.status, "available"),
        "word_count": (found.receipt or {}).get("characters", 0),
        "segment_count": found.chunk_count,
        "hit_count": 0,
        "doc_form": form_of(dataset.processing),
        "doc_metadata": metadata_values(found.metadata) or None,
        "summary_index_status": None,
        "need_summary": False,
    }


def file_record(found: Document) -> dict[str, Any]:
    """The file of a document; its id is the document's."""
    return {
        "id": found.id,
        "name": found.name,
        "size": found.size_bytes,
        "extension": PurePosixPath(found.name).suffix.removeprefix("."),
        "mime_type": found.media_type,
        "created_by": "",
        "created_at": seconds(found.created_at),
    }


def progress_record(found: Document, *, is_paused: bool) -> dict[str, Any]:
    """How far a document has come; only its beginning and its end are noted."""
    ended = seconds(found.updated_at) if found.status in ("ready", "failed") else None
    state = "paused" if is_paused and found.status == "pending" else INDEXING.get(found.status)
    stages = ("parsing", "cleaning", "splitting")
    completed = ended if found.status == "ready" else None
    return {
        "id": found.id,
        "indexing_status": state,
        "processing_started_at": seconds(found.created_at),
        **{f"{stage}_completed_at": completed for stage in stages},
        "completed_at": completed,
        "paused_at": None,
        "error": found.error.detail if found.error else None,
        "stopped_at": None if completed else ended,
        "completed_segments": found.chunk_count if completed else 0,
        "total_segments": found.chunk_count if completed else 0,
    }


def segment_record(found: Chunk, document: Document | None) -> dict[str, Any]:
    """A piece of a document; it has no keywords, answers or switches of its own."""
    made = seconds(document.updated_at) if document else None
    nothing = ("answer", "disabled_at", "disabled_by", "error", "stopped_at", "summary")
    return dict.fromkeys(nothing) | {
        "id": found.id,
        "position": found.index + 1,
        "document_id": found.document_id,
        "content": found.text,
        "sign_content": found.text,
        "word_count": len(found.text),
        "tokens": 0,
        "keywords": [],
        "index_node_id": found.id,
        "index_node_hash": "",
        "hit_count": 0,
        "enabled": True,
        "status": "completed",
        "created_by": "",
        "updated_by": "",
        **dict.fromkeys(("created_at", "updated_at", "indexing_at", "completed_at"), made),
        "child_chunks": [],
        "attachments": [],
    }


def field_type(value: Any) -> str:
    """What Dify calls the type of a value."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return "number" if is_number else "string"


def metadata_values(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A document's metadata; the id of a field is its type and name."""
    return [
        {"id": f"{kind}.{name}", "name": name, "type": kind, "value": value}
        for name, value in metadata.items()
        for kind in (field_type(value),)
    ]
