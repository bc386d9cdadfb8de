"""Documents: finding and deleting them, and what has become of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from api.deps import KB, IngestCaller, SearchCaller
from api.dialects.dialect import Body
from api.dialects.dify.knowledge.records import (
    DISPLAYED,
    document_record,
    file_record,
    listed,
    metadata_values,
    progress_record,
)
from api.dialects.dify.knowledge.uploads import document_in
from api.dialects.dify.wire.fields import SUCCESS, Keyword, Limit, PageNumber
from api.dialects.originals import original_url, site_of
from api.resources.fields import Id
from api.threads import in_thread, read
from kb.errors import NotFound, Rejected
from kb.store.content import datasets, documents
from kb.store.engine.database import Transaction
from kb.store.engine.paging import Listing, PageRequest
from kb.store.work import batches
from kb.types import Dataset, Document, Scope

router = APIRouter(prefix="/datasets/{dataset_id}/documents", tags=["documents"])

STATUSES = {displayed: status for status, displayed in DISPLAYED.items()}

Action = Literal["enable", "disable", "archive", "un_archive"]


class DocumentIds(Body):
    """Some documents."""

    document_ids: Annotated[tuple[Id, ...], Field(max_length=500)]


@router.get("")
async def list_documents(
    dataset_id: str,
    kb: KB,
    caller: SearchCaller,
    page: PageNumber = 1,
    limit: Limit = 20,
    keyword: Keyword = None,
    status: Annotated[str | None, Query(max_length=40)] = None,
) -> dict[str, Any]:
    """The documents of a dataset, by a piece of the name and by what has become of them."""
    wanted = STATUSES.get(status, status) if status else None
    asked = (dataset_id, PageRequest(limit, number=page), wanted, keyword)
    dataset, found = await read(kb, _page, caller.scope, *asked)
    first = (page - 1) * limit + 1
    records = [document_record(each, dataset, n) for n, each in enumerate(found.data, first)]
    return listed(records, found, page, limit)


@router.get("/{batch}/indexing-status")
async def indexing_status(
    dataset_id: str, batch: str, kb: KB, caller: IngestCaller
) -> dict[str, Any]:
    """How far the documents of an upload have come."""
    return {"data": await read(kb, _progress, caller.scope, dataset_id, batch)}


@router.get("/{document_id}")
async def get_document(
    dataset_id: str,
    document_id: str,
    kb: KB,
    caller: SearchCaller,
    metadata: Literal["all", "only", "without"] = "all",
) -> dict[str, Any]:
    """One document, with or without its metadata, or that alone."""
    dataset, found = await read(kb, document_in, caller.scope, dataset_id, document_id)
    if metadata == "only":
        fields = metadata_values(found.metadata) or None
        return {"id": found.id, "doc_type": None, "doc_metadata": fields}
    shown = document_record(found, dataset) | {"doc_type": None}
    return shown if metadata == "all" else shown | {"doc_metadata": None}


@router.delete("/{document_id}", status_code=204)
async def delete_document(
    dataset_id: str, document_id: str, kb: KB, caller: IngestCaller
) -> Response:
    """Delete a document: it is out of every answer at once."""
    await read(kb, document_in, caller.scope, dataset_id, document_id)
    await in_thread(kb.delete_document, caller.scope, document_id)
    return Response(status_code=204)


@router.get("/{document_id}/upload-file")
@router.get("/{document_id}/download")
async def original_file(
    dataset_id: str, document_id: str, request: Request, kb: KB, caller: SearchCaller
) -> dict[str, Any]:
    """The file that was uploaded, and where it is read; that needs a key as well."""
    _, found = await read(kb, document_in, caller.scope, dataset_id, document_id)
    url = original_url(site_of(request), document_id, 1).partition("#")[0]
    return file_record(found) | {"url": url, "download_url": url}


@router.patch("/status/{action}")
async def change_status(
    dataset_id: str, action: Action, body: DocumentIds, kb: KB, caller: IngestCaller
) -> dict[str, Any]:
    """Nothing where documents are to answer, as all do; there is no way to switch one off."""
    for document_id in body.document_ids:
        await read(kb, document_in, caller.scope, dataset_id, document_id)
    if action in ("disable", "archive"):
        raise Rejected(
            "A document cannot be switched off here. Delete it, or leave it out of searches by a "
            "condition on its metadata."
        )
    return SUCCESS


def _page(
    tx: Transaction,
    scope: Scope,
    dataset_id: str,
    asked: PageRequest,
    status: str | None,
    keyword: str | None,
) -> tuple[Dataset, Listing[Document]]:
    found = documents.page(tx, scope, dataset_id, asked, status=status, q=keyword)
    return datasets.get(tx, scope, dataset_id), found


def _progress(tx: Transaction, scope: Scope, dataset_id: str, batch_id: str) -> list[Any]:
    datasets.get(tx, scope, dataset_id)
    row = batches.row_of(tx, scope, batch_id)
    states = batches.states(tx, batch_id)
    there = [each for each, status in states.items() if status != "removed"]
    found = documents.of_ids(tx, scope, there) if row.dataset_id == dataset_id else {}
    if not found:
        raise NotFound("batch", batch_id)
    return [progress_record(each, is_paused=row.paused) for each in found.values()]
