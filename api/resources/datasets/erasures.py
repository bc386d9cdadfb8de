"""The erasure of deleted documents: what was checked and when, and erasing at once."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import KB, AdminScope, IngestScope
from api.resources.datasets.responses import EraseResponse, ErasureResponse
from api.threads import in_thread
from kb.store.upkeep.erasures import Erasure
from kb.upkeep.erasing import Pass

router = APIRouter(prefix="/v1", tags=["maintenance"])


@router.get("/documents/{document_id}/erasure", response_model=ErasureResponse)
async def get_erasure(document_id: str, kb: KB, scope: IngestScope) -> Erasure:
    """The receipt of a deletion: `erased` when the document is in no file any more."""
    return await in_thread(kb.erasing.receipt, scope, document_id)


@router.post("/erase", response_model=EraseResponse)
async def erase(kb: KB, _scope: AdminScope) -> Pass:
    """Erase now what is deleted, without waiting for its time."""
    await in_thread(kb.verification.join)
    return await in_thread(kb.erasing.run)
