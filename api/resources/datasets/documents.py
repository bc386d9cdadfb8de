"""Documents: uploading them, and what has become of them."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from api.deps import KB, IngestScope, NumberedPaging, Paging, SearchScope
from api.idempotency import OnceDep
from api.resources.datasets.requests import ChunkChange, DocumentChange, DocumentsChange
from api.resources.datasets.responses import ChunkResponse, DocumentResponse
from api.resources.response import BINARY, ListResponse, binary, takes
from api.threads import in_file_thread, in_thread, read, write
from api.uploads.accepting import OptionsDep, Target, UploadResponse, accept_all, content_of
from api.uploads.multipart import receive_files
from api.uploads.receiving import receive_body, receiving_files, refuse_empty
from kb.errors import NotFound
from kb.store.content import changing, chunks, datasets, documents, pages
from kb.store.content.changing import ChangeReport
from kb.store.content.documents import OldVersion
from kb.store.engine.paging import Listing
from kb.store.work import batch_control
from kb.types import Chunk, Document, DocumentStatus, Page

router = APIRouter(prefix="/v1", tags=["documents"])

_FILES = {
    "type": "array",
    "items": BINARY,
    "description": "Files; fields of any other name are taken as well.",
}
_FORM = takes("multipart/form-data", {"type": "object", "properties": {"files": _FILES}})
_BYTES = takes("application/octet-stream", BINARY)


async def get_target(dataset_id: str, kb: KB, scope: IngestScope) -> Target:
    """The dataset of an upload; one that cannot be seen is refused before any byte is taken."""
    found = await read(kb, datasets.get, scope, dataset_id)
    return Target(kb, scope, found.id)


TargetDep = Annotated[Target, Depends(get_target)]


@router.post(
    "/datasets/{dataset_id}/documents",
    status_code=202,
    response_model=UploadResponse,
    openapi_extra=_FORM,
)
async def upload_documents(
    request: Request, target: TargetDep, options: OptionsDep, once: OnceDep
) -> Response:
    """Upload files: a part's filename, a relative path, is the document's name."""
    async with receiving_files(target.kb) as receiver:
        await receive_files(receiver, request.headers.get("content-type", ""), request.stream())
        refuse_empty(receiver)
        accepting = partial(accept_all, target, receiver, options)
        return await once(accepting, content=content_of(receiver))


@router.put(
    "/datasets/{dataset_id}/documents/by-name/{name:path}", status_code=202, openapi_extra=_BYTES
)
async def put_document(
    name: str, request: Request, target: TargetDep, options: OptionsDep
) -> UploadResponse:
    """Upload one document: the body is the file."""
    async with receiving_files(target.kb) as receiver:
        await receive_body(receiver, name, request.stream())
        return await accept_all(target, receiver, options)


@router.get("/datasets/{dataset_id}/documents", response_model=ListResponse[DocumentResponse])
async def list_documents(
    dataset_id: str,
    kb: KB,
    scope: SearchScope,
    page: Paging,
    status: DocumentStatus | None = None,
    q: Annotated[str | None, Query(max_length=200)] = None,
) -> Listing[Document]:
    """The documents of a dataset, by status and by a piece of the name."""
    return await read(kb, documents.page, scope, dataset_id, page, status=status, q=q)


@router.patch("/datasets/{dataset_id}/documents")
async def change_documents(
    dataset_id: str, body: DocumentsChange, kb: KB, scope: IngestScope
) -> ChangeReport:
    """Change metadata, labels or the days of many documents, or switch them: all at once."""
    return await write(kb, changing.change_many, scope, dataset_id, body.choice(), body.given())


@router.get("/documents/{document_id}", response_model=DocumentResponse)
async def get_document(document_id: str, kb: KB, scope: SearchScope) -> Document:
    """One document."""
    return await read(kb, documents.get, scope, document_id)


@router.patch("/documents/{document_id}", response_model=DocumentResponse)
async def change_document(
    document_id: str, body: DocumentChange, kb: KB, scope: IngestScope
) -> Document:
    """Change metadata, labels or the days of a document, or switch it: searches see it at once."""
    return await write(kb, changing.change, scope, document_id, body.given())


@router.patch("/chunks/{chunk_id}", response_model=ChunkResponse)
async def switch_chunk(chunk_id: str, body: ChunkChange, kb: KB, scope: IngestScope) -> Chunk:
    """Switch a piece off or on, with all that are found for the same passage."""
    return await write(kb, chunks.switch, scope, chunk_id, enabled=body.enabled)


@router.delete("/documents/{document_id}", status_code=204)
async def delete_document(document_id: str, kb: KB, scope: IngestScope) -> Response:
    """Delete a document: it is out of every answer at once, and its receipt says when it is out of
    every file."""
    await in_thread(kb.delete_document, scope, document_id)
    return Response(status_code=204, headers={"location": f"/v1/documents/{document_id}/erasure"})


@router.get("/documents/{document_id}/chunks", response_model=ListResponse[ChunkResponse])
async def list_chunks(
    document_id: str, kb: KB, scope: SearchScope, page: NumberedPaging
) -> Listing[Chunk]:
    """The pieces of the live version, in order."""
    return await read(kb, chunks.of_document, scope, document_id, page)


@router.get("/documents/{document_id}/pages", response_model=ListResponse[Page])
async def list_pages(
    document_id: str, kb: KB, scope: SearchScope, page: NumberedPaging
) -> Listing[Page]:
    """The text of the live version, page by page: what spans count in."""
    return await read(kb, pages.of_document, scope, document_id, page)


@router.get("/documents/{document_id}/versions", response_model=ListResponse[OldVersion])
async def list_document_versions(
    document_id: str, kb: KB, scope: SearchScope
) -> Listing[OldVersion]:
    """The versions that were kept by uploads with `mode=version`, newest first."""
    return Listing(tuple(await read(kb, documents.history, scope, document_id)), None)


@router.get(
    "/documents/{document_id}/original",
    response_class=FileResponse,
    responses=binary("*/*"),
)
async def get_original(
    document_id: str,
    kb: KB,
    scope: SearchScope,
    version: Annotated[int | None, Query(ge=1)] = None,
) -> FileResponse:
    """The bytes that were uploaded last, or those of a version that was kept."""
    found = await read(kb, documents.original, scope, document_id, version)
    path = await in_file_thread(kb.originals.path, found.sha256)
    if not found.sha256 or not path.is_file():
        raise NotFound("document", document_id)
    name = found.name.rpartition("/")[2]
    headers = {"content-security-policy": "sandbox; default-src 'none'"}
    return FileResponse(path, filename=name, media_type=found.media_type, headers=headers)


@router.post("/documents/{document_id}/retry", response_model=DocumentResponse)
async def retry_document(document_id: str, kb: KB, scope: IngestScope) -> Document:
    """Index a failed document again."""
    document = await write(kb, batch_control.retry_document, scope, document_id)
    return document
