"""Documents: uploading them, and what has become of them."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from api.deps import KB, IngestScope, Json, NumberedPaging, Paging, SearchScope, WorkerDep
from api.http.idempotency import OnceDep
from api.resources import encoders
from api.threads import in_thread, read, write
from api.uploads.accepting import OptionsDep, Target, accept_all, content_of
from api.uploads.multipart import receive_files
from api.uploads.receiving import receive_body, receiving_files, refuse_empty
from kb.errors import NotFound
from kb.store.content import chunks, datasets, documents, pages
from kb.types import DocumentStatus

router = APIRouter(prefix="/v1", tags=["documents"])

_FILES = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "additionalProperties": {
                        "type": "array",
                        "items": {"type": "string", "format": "binary"},
                    },
                }
            }
        },
    }
}
_BYTES = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


async def get_target(dataset_id: str, kb: KB, worker: WorkerDep, scope: IngestScope) -> Target:
    """The dataset of an upload; one that cannot be seen is refused before any byte is taken."""
    found = await read(kb, datasets.get, scope, dataset_id)
    return Target(kb, worker, scope, found.id)


TargetDep = Annotated[Target, Depends(get_target)]


@router.post("/datasets/{dataset_id}/documents", status_code=202, openapi_extra=_FILES)
async def upload_documents(
    request: Request, target: TargetDep, options: OptionsDep, once: OnceDep
) -> Response:
    """Upload files: a part's filename, a relative path, is the document's name."""
    async with receiving_files(target.kb) as receiver:
        await receive_files(receiver, request.headers.get("content-type", ""), request.stream())
        refuse_empty(receiver)
        accepting = partial(accept_all, target, receiver, options)
        return await once(202, accepting, content=content_of(receiver))


@router.put(
    "/datasets/{dataset_id}/documents/by-name/{name:path}", status_code=202, openapi_extra=_BYTES
)
async def put_document(name: str, request: Request, target: TargetDep, options: OptionsDep) -> Json:
    """Upload one document: the body is the file."""
    async with receiving_files(target.kb) as receiver:
        await receive_body(receiver, name, request.stream())
        return await accept_all(target, receiver, options)


@router.get("/datasets/{dataset_id}/documents")
async def list_documents(
    dataset_id: str,
    kb: KB,
    scope: SearchScope,
    page: Paging,
    status: DocumentStatus | None = None,
    q: Annotated[str | None, Query(max_length=200)] = None,
) -> Json:
    """The documents of a dataset, by status and by a piece of the name."""
    found = await read(kb, documents.page, scope, dataset_id, page, status=status, q=q)
    return encoders.listing(found, encoders.document)


@router.get("/documents/{document_id}")
async def get_document(document_id: str, kb: KB, scope: SearchScope) -> Json:
    """One document."""
    return encoders.document(await read(kb, documents.get, scope, document_id))


@router.delete("/documents/{document_id}", status_code=204)
async def delete_document(document_id: str, kb: KB, scope: IngestScope) -> Response:
    """Delete a document: it is out of every answer at once, and its receipt says when it is out of
    every file."""
    await in_thread(kb.delete_document, scope, document_id)
    return Response(status_code=204, headers={"location": f"/v1/documents/{document_id}/erasure"})


@router.get("/documents/{document_id}/chunks")
async def list_chunks(document_id: str, kb: KB, scope: SearchScope, page: NumberedPaging) -> Json:
    """The pieces of the live version, in order."""
    found, cursor = await read(kb, chunks.of_document, scope, document_id, page)
    return encoders.part(found, cursor, encoders.chunk)


@router.get("/documents/{document_id}/pages")
async def list_pages(document_id: str, kb: KB, scope: SearchScope, page: NumberedPaging) -> Json:
    """The text of the live version, page by page: what spans count in."""
    found, cursor = await read(kb, pages.of_document, scope, document_id, page)
    return encoders.part(found, cursor, encoders.page)


@router.get("/documents/{document_id}/versions")
async def list_versions(document_id: str, kb: KB, scope: SearchScope) -> Json:
    """The versions that were kept by uploads with `mode=version`, newest first."""
    found = await read(kb, documents.history, scope, document_id)
    return encoders.part(found, None, encoders.old_version)


@router.get("/documents/{document_id}/original", response_class=FileResponse)
async def get_original(
    document_id: str,
    kb: KB,
    scope: SearchScope,
    version: Annotated[int | None, Query(ge=1)] = None,
) -> FileResponse:
    """The bytes that were uploaded last, or those of a version that was kept."""
    found = await read(kb, documents.original, scope, document_id, version)
    path = kb.originals.path(found.sha256)
    if not found.sha256 or not path.is_file():
        raise NotFound("document", document_id)
    name = found.name.rpartition("/")[2]
    headers = {"content-security-policy": "sandbox; default-src 'none'"}
    return FileResponse(path, filename=name, media_type=found.media_type, headers=headers)


@router.post("/documents/{document_id}/retry")
async def retry_document(document_id: str, kb: KB, scope: IngestScope, worker: WorkerDep) -> Json:
    """Index a failed document again."""
    document = await write(kb, documents.retry, scope, document_id)
    if worker is not None:
        worker.notify()
    return encoders.document(document)
