"""Published versions of an app: read, compared side by side, restored. All of it for admins."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query

from api.deps import KB, AdminScope
from api.resources.apps.requests import RollbackBody
from api.resources.apps.responses import ComparisonResponse, VersionResponse
from api.resources.response import ListResponse
from api.threads import read, write
from kb.apps import comparing
from kb.store.apps import apps
from kb.store.engine.paging import Listing
from kb.types import AppVersion

router = APIRouter(prefix="/v1/apps/{app}", tags=["apps"])

Number = Annotated[int, Path(ge=1, le=1_000_000_000)]
Compared = Annotated[int, Query(ge=1, le=1_000_000_000)] | Literal["draft"]


@router.get("/versions", response_model=ListResponse[VersionResponse])
async def list_versions(app: str, kb: KB, scope: AdminScope) -> Listing[AppVersion]:
    """All published versions, newest first."""
    return Listing(tuple(await read(kb, apps.versions_of, scope, app)), None)


@router.get("/versions/compare")
async def compare_versions(
    app: str,
    kb: KB,
    scope: AdminScope,
    from_: Annotated[Compared, Query(alias="from")],
    to: Compared = "draft",
) -> ComparisonResponse:
    """What differs between two versions, or between a version and the draft, field by field."""
    found = await read(kb, comparing.compare, scope, app, from_, to)
    return ComparisonResponse.model_validate({"before": from_, "after": to, "differences": found})


@router.get("/versions/{n}", response_model=VersionResponse)
async def get_version(app: str, n: Number, kb: KB, scope: AdminScope) -> AppVersion:
    """One published version, and how its datasets stood when it was published."""
    return await read(kb, apps.version, scope, app, n)


@router.post("/rollback", response_model=VersionResponse)
async def rollback(app: str, body: RollbackBody, kb: KB, scope: AdminScope) -> AppVersion:
    """Let an earlier version answer again, under its own number; the draft stays as it is."""
    return await write(kb, apps.rollback, scope, app, body.version)
