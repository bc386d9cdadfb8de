"""/files: what a key keeps, to put it into vector stores or to train with it."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import FileResponse

from api.deps import KB, IngestScope
from api.dialects.dialect import Body
from api.dialects.openai.shared.errors import UnsupportedField
from api.dialects.openai.shared.paging import PagingDep
from api.resources.response import BINARY, binary, takes
from api.threads import in_thread, read
from api.uploads.multipart import receive_files
from api.uploads.receiving import FileReceiver, receiving_files
from ingest.intake.files import delete, keep
from ingest.intake.upload import UploadedFile
from kb.errors import NotFound, Rejected, TooLarge
from kb.store.work import files
from kb.types import StoredFile

router = APIRouter(prefix="/files", tags=["files"])

PURPOSES = ("assistants", "user_data", "fine-tune")

_FIELDS = {"file": BINARY, "purpose": {"type": "string", "enum": list(PURPOSES)}}
_FORM = takes(
    "multipart/form-data",
    {"type": "object", "required": list(_FIELDS), "properties": dict(_FIELDS)},
)


class FileExpiry(Body):
    """How long after its upload a file is kept."""

    anchor: Literal["created_at"]
    seconds: Annotated[int, Field(ge=3600, le=2_592_000)]


@router.post("", openapi_extra=_FORM)
async def create_file(request: Request, kb: KB, scope: IngestScope) -> dict[str, Any]:
    """Keep a file."""
    async with receiving_files(kb) as receiver:
        content_type = request.headers.get("content-type", "")
        fields = await receive_files(receiver, content_type, request.stream())
        texts = {name: value.decode("utf-8", "replace") for name, value in fields.items()}
        purpose, expires = _purpose(texts), _expires(texts)
        uploaded = _one_file(receiver)
        return presented(await in_thread(keep, kb, scope, uploaded, purpose, expires))


@router.get("")
async def list_files(
    kb: KB,
    scope: IngestScope,
    page: PagingDep,
    purpose: Annotated[str | None, Query(max_length=100)] = None,
) -> dict[str, Any]:
    """The key's files, of one purpose if that is given."""
    found = await read(
        kb, files.page, scope, page.request, purpose=purpose, newest_first=page.newest_first
    )
    return page.listed(found, presented)


@router.get("/{file_id}")
async def get_file(file_id: str, kb: KB, scope: IngestScope) -> dict[str, Any]:
    """One file."""
    return presented(await read(kb, files.get, scope, file_id))


@router.delete("/{file_id}")
async def delete_file(file_id: str, kb: KB, scope: IngestScope) -> dict[str, Any]:
    """Delete a file, out of every vector store as well."""
    await in_thread(delete, kb, scope, file_id)
    return {"id": file_id, "object": "file", "deleted": True}


@router.get("/{file_id}/content", response_class=FileResponse, responses=binary("*/*"))
async def get_file_content(file_id: str, kb: KB, scope: IngestScope) -> FileResponse:
    """The bytes of a file."""
    found = await read(kb, files.get, scope, file_id)
    path = kb.originals.path(found.sha256)
    if not path.is_file():
        raise NotFound("file", file_id)
    headers = {"content-security-policy": "sandbox; default-src 'none'"}
    name, kind = found.name.rpartition("/")[2], "application/octet-stream"
    return FileResponse(path, filename=name, media_type=kind, headers=headers)


def presented(file: StoredFile) -> dict[str, Any]:
    """A file as the clients read it."""
    return {
        "id": file.id,
        "object": "file",
        "bytes": file.size_bytes,
        "created_at": seconds_of(file.created_at),
        "expires_at": None if file.expires is None else int(file.expires),
        "filename": file.name,
        "purpose": file.purpose,
        "status": "processed",
        "status_details": None,
    }


def seconds_of(moment: str) -> int:
    """Seconds since the epoch, of a stored time."""
    return int(datetime.fromisoformat(moment).timestamp())


def _one_file(receiver: FileReceiver) -> UploadedFile:
    for rejection in receiver.rejected:
        raise TooLarge(rejection.detail)
    if len(receiver.staged) != 1:
        raise Rejected(f"`file` must be one file with a filename, and {receiver.count} came.")
    return receiver.staged[0]


def _purpose(fields: dict[str, str]) -> str:
    purpose = fields.get("purpose", "")
    if purpose not in PURPOSES:
        known = ", ".join(PURPOSES)
        raise UnsupportedField(f"`purpose` is {purpose!r}; files are kept for {known}.")
    return purpose


def _expires(fields: dict[str, str]) -> float | None:
    prefix = "expires_after["
    given = {k[len(prefix) : -1]: v for k, v in fields.items() if k.startswith(prefix)}
    if not given:
        return None
    try:
        return time.time() + TypeAdapter(FileExpiry).validate_python(given).seconds
    except ValidationError as exc:
        raise Rejected(
            "`expires_after` must have the anchor created_at and 3600 to 2592000 seconds."
        ) from exc
