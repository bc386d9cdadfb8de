"""Datasets, documents and pieces as Dify's typed clients want them: every key, or they fail.

What is not kept here has the value of nothing: 0, null, an empty text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from api.dialects.dialect import seconds
from api.dialects.dify.knowledge.process_rules import form_of
from kb.store.engine.paging import Listing
from kb.types import Chunk, Dataset, Document, DocumentStatus

Record = dict[str, Any]

PROVIDER = "citewell"

STATES: Mapping[DocumentStatus, tuple[str, str]] = {
    "pending": ("waiting", "queuing"),
    "indexing": ("indexing", "indexing"),
    "ready": ("completed", "available"),
    "failed": ("error", "error"),
}
"""How Dify calls a state, while a document is indexed and in lists."""

_RETRIEVAL = {
    "search_method": "hybrid_search",
    "reranking_enable": True,
    "top_k": 4,
    "score_threshold_enabled": False,
    **dict.fromkeys(("reranking_mode", "reranking_model", "weights", "score_threshold")),
}
"""How a search is made unless it says otherwise."""

_OF_A_DATASET = {
    "provider": "vendor",
    "permission": "only_me",
    "data_source_type": "upload_file",
    "indexing_technique": "high_quality",
    "embedding_model_provider": PROVIDER,
    "retrieval_model_dict": _RETRIEVAL,
    **dict.fromkeys(("app_count", "word_count"), 0),
    **dict.fromkeys(("created_by", "author_name", "updated_by"), ""),
    **dict.fromkeys(("external_knowledge_info", "external_retrieval_model")),
    **dict.fromkeys(("embedding_available", "built_in_field_enabled", "enable_api"), True),
    **dict.fromkeys(("tags", "doc_metadata", "partial_member_list"), ()),
}
_OF_A_DOCUMENT = {
    "data_source_type": "upload_file",
    "created_from": "api",
    **dict.fromkeys(("archived", "need_summary"), False),
    **dict.fromkeys(("tokens", "hit_count"), 0),
    **dict.fromkeys(("created_by", "dataset_process_rule_id"), ""),
    **dict.fromkeys(("disabled_at", "disabled_by", "summary_index_status", "doc_type")),
}
_OF_A_SEGMENT = {
    "status": "completed",
    **dict.fromkeys(("tokens", "hit_count"), 0),
    **dict.fromkeys(("created_by", "updated_by", "index_node_hash"), ""),
    **dict.fromkeys(("keywords", "child_chunks", "attachments"), ()),
    **dict.fromkeys(("answer", "disabled_at", "disabled_by", "error", "stopped_at", "summary")),
}


def listed(records: Sequence[Any], found: Listing[Any], page: int, limit: int) -> Record:
    """A numbered page."""
    more = found.next is not None
    return {"data": records, "has_more": more, "limit": limit, "total": found.total, "page": page}


def dataset_record(found: Dataset, counts: Mapping[str, int]) -> Record:
    """A dataset; `counts` are its documents by status."""
    made, documents = seconds(found.created_at), sum(counts.values())
    return {
        **_OF_A_DATASET,
        **{"id": found.id, "name": found.name, "description": found.description},
        **{"created_at": made, "updated_at": made, "doc_form": form_of(found.processing)},
        **dict.fromkeys(("document_count", "total_documents"), documents),
        "total_available_documents": counts.get("ready", 0),
        "embedding_model": found.model or found.embedder,
    }


def document_record(found: Document, dataset: Dataset, position: int = 1) -> Record:
    """A document."""
    file = file_record(found)
    indexing, displayed = STATES[found.status]
    return {
        **_OF_A_DOCUMENT,
        **{"id": found.id, "name": found.name, "position": position},
        "data_source_info": {"upload_file_id": found.id},
        "data_source_detail_dict": {"upload_file": file},
        **{"created_at": file["created_at"], "updated_at": seconds(found.updated_at)},
        **{"indexing_status": indexing, "display_status": displayed, "enabled": found.enabled},
        "error": found.error.detail if found.error else None,
        "word_count": (found.receipt or {}).get("characters", 0),
        "segment_count": found.chunk_count,
        "doc_form": form_of(dataset.processing),
        "doc_metadata": metadata_values(found.metadata) or None,
    }


def file_record(found: Document) -> Record:
    """The file of a document; its id is the document's."""
    extension = PurePosixPath(found.name).suffix.removeprefix(".")
    named = {"id": found.id, "name": found.name, "size": found.size_bytes, "extension": extension}
    made = {"created_by": "", "created_at": seconds(found.created_at)}
    return {**named, "mime_type": found.media_type, **made}


def progress_record(found: Document, *, is_paused: bool) -> Record:
    """How far a document has come; only its beginning and its end are noted."""
    is_ready, moment = found.status == "ready", seconds(found.updated_at)
    state = "paused" if is_paused and found.status == "pending" else STATES[found.status][0]
    ends = ("parsing_completed_at", "cleaning_completed_at", "splitting_completed_at")
    pieces = found.chunk_count if is_ready else 0
    return {
        **{"id": found.id, "indexing_status": state},
        "processing_started_at": seconds(found.created_at),
        **dict.fromkeys((*ends, "completed_at"), moment if is_ready else None),
        **{"paused_at": None, "stopped_at": moment if found.status == "failed" else None},
        "error": found.error.detail if found.error else None,
        **dict.fromkeys(("completed_segments", "total_segments"), pieces),
    }


def segment_record(found: Chunk, document: Document) -> Record:
    """A piece of a document; it has no keywords or answers of its own."""
    moments = ("created_at", "updated_at", "indexing_at", "completed_at")
    return {
        **_OF_A_SEGMENT,
        **dict.fromkeys(("id", "index_node_id"), found.id),
        **{"position": found.index + 1, "document_id": found.document_id, "enabled": found.enabled},
        **dict.fromkeys(("content", "sign_content"), found.text),
        "word_count": len(found.text),
        **dict.fromkeys(moments, seconds(document.updated_at)),
    }


def field_record(kind: str, name: str) -> Record:
    """A field of metadata; its id is its type and name."""
    return {"id": f"{kind}.{name}", "type": kind, "name": name}


def metadata_values(metadata: Mapping[str, Any]) -> list[Record]:
    """The metadata of a document."""
    return [
        field_record("number" if type(value) in (int, float) else "string", name) | {"value": value}
        for name, value in metadata.items()
    ]
