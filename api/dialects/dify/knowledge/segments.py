"""Pieces of documents. They are cut from its pages, which citations quote: nobody edits one."""

from __future__ import annotations

from fastapi import APIRouter

from api.dialects.dify.knowledge.places import DocumentPlace, InDocument, IntoDocument
from api.dialects.dify.knowledge.process_rules import form_of
from api.dialects.dify.knowledge.records import Record, listed, segment_record
from api.dialects.dify.wire.fields import Keyword, Limit, PageNumber
from api.threads import read
from kb.errors import NotFound, Rejected
from kb.store.content import chunks
from kb.store.engine.paging import PageRequest
from kb.types import Chunk

router = APIRouter(
    prefix="/datasets/{dataset_id}/documents/{document_id}/segments", tags=["segments"]
)


@router.get("")
async def list_segments(
    at: InDocument, page: PageNumber = 1, limit: Limit = 20, keyword: Keyword = None
) -> Record:
    """The pieces of a document in their order, by a piece of the text."""
    own = (at.within.scope, at.document.id, PageRequest(limit, number=page))
    found = await read(at.within.kb, chunks.of_document, *own, q=keyword)
    records = [segment_record(each, at.document) for each in found.data]
    form = {"doc_form": form_of(at.within.dataset.processing)}
    return listed(records, found, page, limit) | form


@router.get("/{segment_id}")
async def get_segment(segment_id: str, at: InDocument) -> Record:
    """One piece."""
    record = segment_record(await _chunk(at, segment_id), at.document)
    return {"data": record, "doc_form": form_of(at.within.dataset.processing)}


@router.get("/{segment_id}/child_chunks")
async def list_child_chunks(segment_id: str, at: InDocument) -> Record:
    """Nothing: what is searched is the piece itself."""
    await _chunk(at, segment_id)
    return {"data": [], "has_more": False, "limit": 20, "total": 0, "total_pages": 0, "page": 1}


@router.post("")
@router.post("/{segment_id}")
@router.delete("/{segment_id}", status_code=204)
@router.post("/{segment_id}/child_chunks")
@router.patch("/{segment_id}/child_chunks/{child_chunk_id}")
@router.delete("/{segment_id}/child_chunks/{child_chunk_id}", status_code=204)
async def edit_segment(at: IntoDocument) -> None:
    """Refused, whatever the piece."""
    raise Rejected(
        "Pieces are cut from a document's own text here, so that its citations are exact: none is "
        "added, changed or deleted by hand. Change the text with update-by-text."
    )


async def _chunk(at: DocumentPlace, segment_id: str) -> Chunk:
    found = (await read(at.within.kb, chunks.live, at.within.scope, [segment_id])).get(segment_id)
    if found is None or found.chunk.document_id != at.document.id:
        raise NotFound("segment", segment_id)
    return found.chunk
