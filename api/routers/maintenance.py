"""Checking and repairing the data folder."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

from fastapi import APIRouter

from api.deps import KB, AdminScope, Json
from api.threads import in_thread

router = APIRouter(prefix="/v1", tags=["maintenance"])


@router.post("/fsck")
async def fsck(kb: KB, _scope: AdminScope, repair: bool = False) -> Json:
    """Check every invariant; with `repair` rebuild what is derived first."""
    report = await in_thread(partial(kb.fsck.run, repair=repair))
    return {"clean": report.is_clean, **asdict(report)}
