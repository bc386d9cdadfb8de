"""Documents: finding and deleting them, and what has become of them."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from api.dialects.dialect import Body
from api.dialects.dify.knowledge import places
from api.dialects.dify.knowledge.places import InDataset, InDocument, IntoDataset, IntoDocument
from api.dialects.dify.knowledge.records import (
    STATES,
    Record,
    document_record,
    file_record,
    listed,
    progress_record,
)
from api.dialects.dify.wire.fields import SUCCESS, Keyword, Limit, PageNumber
from api.dialects.originals import original_url, site_of
from api.resources.fields import Id
from api.threads import in_thread, read, write
from kb.errors import NotFound
from kb.store.content import changing, documents
from kb.store.engine.database import Transaction
from kb.store.engine.paging import PageRequest
from kb.store.work import batches
from kb.types import Scope

router = APIRouter(prefix="/datasets/{dataset_id}/documents", tags=["documents"])

Action = Literal["enable", "disable", "archive", "un_archive"]

_STATUSES = {displayed: status for status, (_, displayed) in STATES.items()}


class DocumentIds(Body):
    """Some documents."""

    document_ids: Annotated[tuple[Id, ...], Field(max_length=500)]


@router.get("")
async def list_documents(
    at: InDataset,
    page: PageNumber = 1,
    limit: Limit = 20,
    keyword: Keyword = None,
    status: Annotated[str | None, Query(max_length=40)] = None,
) -> Record:
    """The documents of a dataset, by a piece of the name and by what has become of them."""
    asked, wanted = PageRequest(limit, number=page), _STATUSES.get(status or "", status)
    own = (at.scope, at.dataset.id, asked)
    found = await read(at.kb, partial(documents.page, status=wanted or None, q=keyword), *own)
    first = (page - 1) * limit + 1
    records = [document_record(each, at.dataset, n) for n, each in enumerate(found.data, first)]
    return listed(records, found, page, limit)


@router.get("/{batch}/indexing-status")
async def indexing_status(batch: str, at: IntoDataset) -> Record:
    """How far the documents of an upload have come."""
    return {"data": await read(at.kb, _progress, at.scope, at.dataset.id, batch)}


@router.get("/{document_id}")
async def get_document(
    at: InDocument, metadata: Literal["all", "only", "without"] = "all"
) -> Record:
    """One document, with or without its metadata, or that alone."""
    shown = document_record(at.document, at.within.dataset)
    if metadata == "only":
        return {name: shown[name] for name in ("id", "doc_type", "doc_metadata")}
    return shown if metadata == "all" else shown | {"doc_metadata": None}


@router.delete("/{document_id}", status_code=204)
async def delete_document(at: IntoDocument) -> Response:
    """Delete a document: it is out of every answer at once."""
    await in_thread(at.within.kb.delete_document, at.within.scope, at.document.id)
    return Response(status_code=204)


@router.get("/{document_id}/upload-file")
@router.get("/{document_id}/download")
async def original_file(request: Request, at: InDocument) -> Record:
    """The file that was uploaded, and where it is read; that needs a key as well."""
    url = original_url(site_of(request), at.document.id, 1).partition("#")[0]
    return file_record(at.document) | {"url": url, "download_url": url}


@router.patch("/status/{action}")
async def change_status(action: Action, body: DocumentIds, at: IntoDataset) -> Record:
    """Switch documents; one in the archive is one that is off."""
    for document_id in body.document_ids:
        found = await read(at.kb, places.document_in, at.scope, at.dataset.id, document_id)
        is_on = {"enabled": action in ("enable", "un_archive")}
        await write(at.kb, changing.change, at.scope, found.id, is_on)
    return SUCCESS


def _progress(tx: Transaction, scope: Scope, dataset_id: str, batch_id: str) -> list[Record]:
    row, states = batches.row_of(tx, scope, batch_id), batches.states(tx, scope, batch_id)
    there = [each for each, status in states.items() if status != "removed"]
    found = documents.of_ids(tx, scope, there) if row.dataset_id == dataset_id else {}
    if not found:
        raise NotFound("batch", batch_id)
    return [progress_record(each, is_paused=row.paused) for each in found.values()]
