"""The erasure of deleted documents: what was checked and when, and erasing at once."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter

from api.deps import KB, AdminScope, IngestScope, Json
from api.threads import in_thread
from kb.store.upkeep.erasures import Erasure

router = APIRouter(prefix="/v1", tags=["maintenance"])


@router.get("/documents/{document_id}/erasure")
async def get_erasure(document_id: str, kb: KB, scope: IngestScope) -> Json:
    """The receipt of a deletion: `erased` when the document is in no file any more."""
    return _encoded(await in_thread(kb.erasing.receipt, scope, document_id))


@router.post("/erase")
async def erase(kb: KB, _scope: AdminScope) -> Json:
    """Erase now what is deleted, without waiting for its time."""
    await in_thread(kb.verification.wait)
    return asdict(await in_thread(kb.erasing.run))


def _encoded(value: Erasure) -> Json:
    return {
        "document_id": value.document_id,
        "dataset_id": value.dataset_id,
        "status": "pending" if value.erased_at is None else "erased",
        "deleted_at": value.deleted_at,
        "erased_at": value.erased_at,
        "checks": [dict(check) for check in value.checks or ()],
    }
