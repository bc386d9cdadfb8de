"""/files: what a key keeps, to put it into vector stores or to train with it."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import FileResponse

from api.deps import KB, IngestScope
from api.dialects.openai.retrieval.objects import Object, stored_file
from api.dialects.openai.shared.errors import UnsupportedField
from api.dialects.openai.shared.paging import PagingDep
from api.resources.response import BINARY, binary, takes
from api.threads import in_file_thread, in_thread, read
from api.uploads.multipart import receive_files
from api.uploads.receiving import only_file, receiving_files
from ingest.intake.files import delete
from ingest.intake.upload import checked_name
from kb.errors import NotFound, Rejected
from kb.store.work import files
from kb.stored_files.keeping import keep

router = APIRouter(prefix="/files", tags=["files"])

EXPIRY_S = range(3600, 2_592_001)
PURPOSES = ("assistants", "user_data", "fine-tune")

_FIELDS = {"file": BINARY, "purpose": {"type": "string", "enum": list(PURPOSES)}}
_FORM = takes(
    "multipart/form-data",
    {"type": "object", "required": list(_FIELDS), "properties": dict(_FIELDS)},
)


@router.post("", openapi_extra=_FORM)
async def create_file(request: Request, kb: KB, scope: IngestScope) -> Object:
    """Keep a file."""
    async with receiving_files(kb) as receiver:
        content_type = request.headers.get("content-type", "")
        fields = await receive_files(receiver, content_type, request.stream())
        texts = {name: value.decode("utf-8", "replace") for name, value in fields.items()}
        purpose, expires = _purpose(texts), _expires(texts)
        uploaded = only_file(receiver)
        what = checked_name(uploaded.name), uploaded.staged, purpose, expires
        return stored_file(await in_file_thread(keep, kb, scope, *what))


@router.get("")
async def list_files(
    kb: KB,
    scope: IngestScope,
    page: PagingDep,
    purpose: Annotated[str | None, Query(max_length=100)] = None,
) -> Object:
    """The key's files, of one purpose if that is given."""
    found = await read(
        kb, files.page, scope, page.request, purpose=purpose, newest_first=page.newest_first
    )
    return page.listed(found, stored_file)


@router.get("/{file_id}")
async def get_file(file_id: str, kb: KB, scope: IngestScope) -> Object:
    """One file."""
    return stored_file(await read(kb, files.get, scope, file_id))


@router.delete("/{file_id}")
async def delete_file(file_id: str, kb: KB, scope: IngestScope) -> Object:
    """Delete a file, out of every vector store as well."""
    await in_thread(delete, kb, scope, file_id)
    return {"id": file_id, "object": "file", "deleted": True}


@router.get("/{file_id}/content", response_class=FileResponse, responses=binary("*/*"))
async def get_file_content(file_id: str, kb: KB, scope: IngestScope) -> FileResponse:
    """The bytes of a file."""
    found = await read(kb, files.get, scope, file_id)
    path = await in_file_thread(kb.originals.path, found.sha256)
    if not path.is_file():
        raise NotFound("file", file_id)
    headers = {"content-security-policy": "sandbox; default-src 'none'"}
    name, kind = found.name.rpartition("/")[2], "application/octet-stream"
    return FileResponse(path, filename=name, media_type=kind, headers=headers)


def _purpose(fields: dict[str, str]) -> str:
    purpose = fields.get("purpose", "")
    if purpose not in PURPOSES:
        known = ", ".join(PURPOSES)
        raise UnsupportedField(f"`purpose` is {purpose!r}; files are kept for {known}.")
    return purpose


def _expires(fields: dict[str, str]) -> float | None:
    if not any(name.startswith("expires_after") for name in fields):
        return None
    seconds = fields.get("expires_after[seconds]", "")[:8]
    is_whole = seconds.isdecimal() and int(seconds) in EXPIRY_S
    if fields.get("expires_after[anchor]") != "created_at" or not is_whole:
        raise Rejected(
            "`expires_after` must have the anchor created_at and 3600 to 2592000 seconds."
        )
    return time.time() + int(seconds)
