"""Pieces of documents. They are cut from its pages, which citations quote: nobody edits one."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from api.deps import KB, IngestCaller, SearchCaller
from api.dialects.dify.knowledge.process_rules import form_of
from api.dialects.dify.knowledge.records import listed, segment_record
from api.dialects.dify.knowledge.uploads import document_in
from api.dialects.dify.wire.fields import Keyword, Limit, PageNumber
from api.threads import read
from kb.errors import NotFound, Rejected
from kb.store.content import chunks
from kb.store.engine.database import Transaction
from kb.store.engine.paging import PageRequest
from kb.types import Scope

router = APIRouter(
    prefix="/datasets/{dataset_id}/documents/{document_id}/segments", tags=["segments"]
)


@router.get("")
async def list_segments(
    dataset_id: str,
    document_id: str,
    kb: KB,
    caller: SearchCaller,
    page: PageNumber = 1,
    limit: Limit = 20,
    keyword: Keyword = None,
) -> dict[str, Any]:
    """The pieces of a document in their order, by a piece of the text."""
    asked = (dataset_id, document_id, page, limit, keyword)
    return await read(kb, _page, caller.scope, *asked)


@router.get("/{segment_id}")
async def get_segment(
    dataset_id: str, document_id: str, segment_id: str, kb: KB, caller: SearchCaller
) -> dict[str, Any]:
    """One piece."""
    return await read(kb, _one, caller.scope, dataset_id, document_id, segment_id)


@router.get("/{segment_id}/child_chunks")
async def list_child_chunks(
    dataset_id: str, document_id: str, segment_id: str, kb: KB, caller: SearchCaller
) -> dict[str, Any]:
    """Nothing: what is searched is the piece itself."""
    await read(kb, _one, caller.scope, dataset_id, document_id, segment_id)
    return {"data": [], "has_more": False, "limit": 20, "total": 0, "total_pages": 0, "page": 1}


@router.post("")
@router.post("/{segment_id}")
@router.delete("/{segment_id}", status_code=204)
@router.post("/{segment_id}/child_chunks")
@router.patch("/{segment_id}/child_chunks/{child_chunk_id}")
@router.delete("/{segment_id}/child_chunks/{child_chunk_id}", status_code=204)
async def edit_segment(caller: IngestCaller) -> None:
    """Refused, whatever the piece."""
    raise Rejected(
        "Pieces are cut from a document's own text here, so that its citations are exact: none is "
        "added, changed or deleted by hand. Change the text with update-by-text, or the document's "
        "`process_rule` in a dataset of its own."
    )


def _page(
    tx: Transaction,
    scope: Scope,
    dataset_id: str,
    document_id: str,
    number: int,
    limit: int,
    keyword: str | None,
) -> dict[str, Any]:
    dataset, document = document_in(tx, scope, dataset_id, document_id)
    asked = PageRequest(limit, number=number)
    found = chunks.of_document(tx, scope, document_id, asked, q=keyword)
    records = [segment_record(each, document) for each in found.data]
    return listed(records, found, number, limit) | {"doc_form": form_of(dataset.processing)}


def _one(
    tx: Transaction, scope: Scope, dataset_id: str, document_id: str, segment_id: str
) -> dict[str, Any]:
    dataset, document = document_in(tx, scope, dataset_id, document_id)
    found = chunks.live(tx, scope, [segment_id]).get(segment_id)
    if found is None or found.chunk.document_id != document_id:
        raise NotFound("segment", segment_id)
    record = segment_record(found.chunk, document)
    return {"data": record, "doc_form": form_of(dataset.processing)}
