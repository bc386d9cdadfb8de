"""Resumable uploads: tus 1.0.0 with the extensions that `tus.EXTENSIONS` names.

`Upload-Metadata` names the dataset and the file; the last byte makes it a document, and so does
the announcement of a file whose parts have come as uploads of their own.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import anyio
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from api.deps import IngestScope
from api.errors import AllRejected
from api.threads import in_file_thread
from api.upload_locks import UploadLocks
from api.uploads import tus
from api.uploads.tus import TusRoute
from ingest.intake.resumable import ResumableUploads
from kb.errors import Conflict, TooLarge
from kb.store.work.uploads import PartialUpload
from kb.types import Scope

router = APIRouter(prefix="/v1/uploads", tags=["uploads"], route_class=TusRoute)

PIECE_BYTES = 1 << 20

_BYTES = {
    "requestBody": {
        "content": {tus.CONTENT_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    }
}


class Session:
    """One request of the protocol: the store of uploads, and whose turn it is."""

    def __init__(self, request: Request, scope: Scope) -> None:
        tus.check_version(request)
        self.request = request
        self.scope = scope
        self.store: ResumableUploads = request.state.resumable
        self.upload_locks: UploadLocks = request.state.upload_locks

    async def upload(self, upload_id: str) -> PartialUpload:
        """The upload of this request. Raises NotFound and Gone."""
        found = await in_file_thread(self.store.get, self.scope, upload_id)
        tus.check_not_expired(found)
        return found

    async def receive(self, upload: PartialUpload, offset: int) -> None:
        """Append the body. What has arrived stays when the line breaks, unless it has a checksum.

        Raises:
            TooLarge: there are more bytes than were announced; none of them is kept.
            WrongChecksum: they are damaged; none of them is kept.
            StorageFull: the disk is full.
        """
        checksum = tus.checksum(self.request)
        buffer, room, keep = bytearray(), upload.size_bytes - offset, checksum is None
        at = offset
        try:
            async for piece in self.request.stream():
                if len(piece) > room:
                    keep = False
                    raise _too_large(upload)
                room -= len(piece)
                buffer += piece
                if checksum is not None:
                    checksum.add(piece)
                if len(buffer) >= PIECE_BYTES:
                    await in_file_thread(self.store.files.append, upload.id, bytes(buffer), at=at)
                    at += len(buffer)
                    buffer.clear()
            if checksum is not None:
                checksum.check()
            keep = True
        finally:
            with anyio.CancelScope(shield=True):
                if not keep:
                    await in_file_thread(self.store.files.cut, upload.id, offset)
                elif buffer:
                    await in_file_thread(self.store.files.append, upload.id, bytes(buffer), at=at)

    async def state(self, upload: PartialUpload) -> dict[str, str]:
        """The headers that say where an upload stands; a whole file becomes a document now.

        Raises:
            AllRejected: the whole file cannot be a document; the upload is gone.
        """
        offset = await in_file_thread(self.store.offset, upload)
        if self.store.is_ready(upload, offset):
            accepted = await in_file_thread(self.store.finish, upload)
            if accepted.rejected:
                raise AllRejected({"accepted": [], "rejected": [asdict(accepted.rejected[0])]})
            upload = await in_file_thread(self.store.get, self.scope, upload.id)
        arrived = {"x-batch-id": upload.batch_id, "x-document-id": upload.document_id}
        known = {name: value for name, value in arrived.items() if value is not None}
        return {"upload-offset": str(offset), **tus.expires(upload), **known}


async def get_session(request: Request, scope: IngestScope) -> Session:
    """This request, if the key may upload and the client speaks our version."""
    return Session(request, scope)


SessionDep = Annotated[Session, Depends(get_session)]


@router.options("", status_code=204)
async def describe_uploads(request: Request, scope: IngestScope) -> Response:
    """What this server can do."""
    store: ResumableUploads = request.state.resumable
    headers = {
        "tus-version": tus.VERSION,
        "tus-extension": tus.EXTENSIONS,
        "tus-max-size": str(store.max_bytes),
        "tus-checksum-algorithm": ",".join(tus.ALGORITHMS),
    }
    return Response(status_code=204, headers=headers)


@router.post("", status_code=201, response_class=Response, openapi_extra=_BYTES)
async def create_upload(session: SessionDep) -> Response:
    """Announce a file by `Upload-Length` and `Upload-Metadata`; bytes may come along.

    `Upload-Concat` makes a file of parts, or says that this is a part.
    """
    request, store, scope = session.request, session.store, session.scope
    parts = tus.parts(request)
    dataset_id, name, options = tus.announced(request)
    carries_bytes = not parts and request.headers.get("content-type") == tus.CONTENT_TYPE
    if parts and dataset_id is not None:
        made = await in_file_thread(store.join, scope, dataset_id, name, parts, options)
    else:
        size = tus.length(request)
        made = await in_file_thread(store.create, scope, dataset_id, name, size, options)
    async with session.upload_locks.turn(made.id):
        if carries_bytes:
            await session.receive(made, 0)
        state = await session.state(made)
    return Response(status_code=201, headers={"location": f"/v1/uploads/{made.id}", **state})


@router.head("/{upload_id}", response_class=Response)
async def get_upload(upload_id: str, session: SessionDep) -> Response:
    """How many bytes have arrived."""
    async with session.upload_locks.turn(upload_id):
        upload = await session.upload(upload_id)
        state = await session.state(upload)
    return Response(headers={**tus.described(upload), "cache-control": "no-store", **state})


@router.patch("/{upload_id}", status_code=204, openapi_extra=_BYTES)
async def continue_upload(upload_id: str, session: SessionDep) -> Response:
    """Append bytes at `Upload-Offset`; the last ones name the document in `X-Document-Id`."""
    request = session.request
    tus.check_content_type(request)
    wanted = tus.number(request, "upload-offset")
    async with session.upload_locks.turn(upload_id):
        upload = await session.upload(upload_id)
        tus.check_takes_bytes(upload)
        if "upload-length" in request.headers:
            await in_file_thread(session.store.resize, upload, tus.number(request, "upload-length"))
            upload = await session.upload(upload_id)
        offset = await in_file_thread(session.store.offset, upload)
        if wanted != offset:
            raise Conflict(f"The upload stands at byte {offset}. Go on there.")
        announced = request.headers.get("content-length", "0")
        if announced.isdigit() and int(announced) > upload.size_bytes - offset:
            raise _too_large(upload)
        if upload.batch_id is None:
            await session.receive(upload, offset)
            await in_file_thread(session.store.extend, upload)
        state = await session.state(await session.upload(upload_id))
    return Response(status_code=204, headers=state)


@router.delete("/{upload_id}", status_code=204)
async def delete_upload(upload_id: str, session: SessionDep) -> Response:
    """Give an upload up; a document that it became stays."""
    async with session.upload_locks.turn(upload_id):
        upload = await session.upload(upload_id)
        await in_file_thread(session.store.remove, upload)
    return Response(status_code=204)


def _too_large(upload: PartialUpload) -> TooLarge:
    said = "by its quota or the server's" if upload.is_open_ended else "as announced"
    return TooLarge(f"This upload may have {upload.size_bytes} bytes at most, {said}.")
