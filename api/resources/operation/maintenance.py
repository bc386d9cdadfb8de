"""Checking and repairing the data folder, erasing what is deleted, and taking a copy."""

from __future__ import annotations

from collections.abc import AsyncIterator

from anyio import CancelScope
from fastapi import APIRouter
from starlette.responses import StreamingResponse

from api.deps import KB, AdminScope, IngestScope
from api.resources.datasets.responses import EraseResponse, ErasureResponse
from api.resources.operation.responses import FsckResponse
from api.resources.response import binary
from api.threads import in_thread
from kb.store.upkeep.erasures import Erasure
from kb.upkeep.backup import Backup
from kb.upkeep.erasing import Pass
from kb.upkeep.fsck import Report

router = APIRouter(prefix="/v1", tags=["maintenance"])


@router.post("/fsck", response_model=FsckResponse)
async def fsck(kb: KB, _scope: AdminScope, repair: bool = False) -> Report:
    """Check every invariant; with `repair` rebuild what is derived first."""
    return await in_thread(kb.fsck.run, repair=repair)


@router.post("/backup", response_class=StreamingResponse, responses=binary("application/x-tar"))
async def back_up(kb: KB, _scope: AdminScope) -> StreamingResponse:
    """A tar of everything that cannot be made again, secrets included, as of this moment."""
    backup = await in_thread(kb.backup)
    name = f"kb-{backup.manifest.created_at[:19].replace(':', '')}.tar"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_pieces(backup), media_type="application/x-tar", headers=headers)


@router.get("/documents/{document_id}/erasure", response_model=ErasureResponse)
async def get_erasure(document_id: str, kb: KB, scope: IngestScope) -> Erasure:
    """The receipt of a deletion: `erased` when the document is in no file any more."""
    return await in_thread(kb.erasing.receipt, scope, document_id)


@router.post("/erase", response_model=EraseResponse)
async def erase(kb: KB, _scope: AdminScope) -> Pass:
    """Erase now what is deleted, without waiting for its time."""
    await in_thread(kb.repairing.settle)
    return await in_thread(kb.erasing.run)


async def _pieces(backup: Backup) -> AsyncIterator[bytes]:
    try:
        pieces = backup.pieces()
        while (piece := await in_thread(next, pieces, None)) is not None:
            yield piece
    finally:
        with CancelScope(shield=True):  # also when the client has left
            await in_thread(backup.close)
