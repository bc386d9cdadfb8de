"""Apps: their drafts, versions and routes. What holds a hidden prompt is for admins."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path, Query
from pydantic import MISSING
from starlette.responses import Response

from api.deps import KB, AdminCaller, AdminScope, ChatCaller, Paging
from api.idempotency import OnceDep
from api.resources.apps.requests import AppBody, AppChange, DraftBody, RollbackBody, RouteBody
from api.resources.apps.responses import (
    AppResponse,
    ComparisonResponse,
    ContentResponse,
    RoutePolicyResponse,
    VersionResponse,
)
from api.resources.response import ListResponse
from api.threads import read, write
from kb.access import Caller
from kb.apps import comparing, configuring
from kb.apps.configuring import AppOverview, Draft, Switch
from kb.store.apps import apps
from kb.store.engine.paging import Listing
from kb.types import AppVersion

router = APIRouter(prefix="/v1/apps", tags=["apps"])

IfMatch = Annotated[str | None, Header(max_length=100)]

Number = Annotated[int, Path(ge=1, le=1_000_000_000)]

Compared = Annotated[int, Query(ge=1, le=1_000_000_000)] | Literal["draft"]


@router.post("", status_code=201, response_model=AppResponse)
async def create_app(body: AppBody, kb: KB, caller: AdminCaller, once: OnceDep) -> Response:
    """Add an app with an empty draft; its slug must be new."""

    async def create() -> AppResponse:
        return _shown(caller, await write(kb, configuring.add, caller.scope, body.model_dump()))

    return await once(create)


@router.get("")
async def list_apps(kb: KB, caller: ChatCaller, page: Paging) -> ListResponse[AppResponse]:
    """The apps that the key opens, oldest first."""
    found = await read(kb, configuring.states, caller.scope, page)
    shown = tuple(_shown(caller, each) for each in found.data)
    return ListResponse(data=shown, next=found.next)


@router.get("/{app}")
async def get_app(app: str, kb: KB, caller: ChatCaller) -> AppResponse:
    """One app, by id or slug."""
    return _shown(caller, await read(kb, configuring.state, caller.scope, app))


@router.patch("/{app}")
async def change_app(app: str, body: AppChange, kb: KB, caller: AdminCaller) -> AppResponse:
    """Change how an app presents itself."""
    changed = await write(kb, configuring.change, caller.scope, app, body.changes())
    return _shown(caller, changed)


@router.delete("/{app}", status_code=204)
async def delete_app(app: str, kb: KB, scope: AdminScope) -> Response:
    """Delete an app with its versions and conversations, and end its keys."""
    await write(kb, apps.remove, scope, app)
    return Response(status_code=204)


@router.get("/{app}/draft")
async def get_draft(app: str, kb: KB, scope: AdminScope, response: Response) -> ContentResponse:
    """What the next version will answer with; `ETag` names its revision.

    `warnings` is there if a model that it names is about to be shut down, or if a prompt holds a
    placeholder that is not known.
    """
    return _draft(await read(kb, configuring.draft, scope, app), response)


@router.put("/{app}/draft")
async def put_draft(
    app: str,
    body: DraftBody,
    kb: KB,
    scope: AdminScope,
    response: Response,
    if_match: IfMatch = None,
) -> ContentResponse:
    """Replace the draft; with `If-Match` only if nobody else has changed it since."""
    asked = body.to_content(), _revision(if_match)
    return _draft(await write(kb, configuring.set_draft, scope, app, *asked), response)


@router.post("/{app}/publish", status_code=201, response_model=VersionResponse)
async def publish(app: str, kb: KB, scope: AdminScope, once: OnceDep) -> Response:
    """Freeze the draft under the next number and let it answer."""
    return await once(partial(write, kb, apps.publish, scope, app))


@router.get("/{app}/route")
async def get_route(app: str, kb: KB, scope: AdminScope) -> RoutePolicyResponse:
    """How the fine-tune switch stands."""
    return _route(await read(kb, configuring.switch, scope, app))


@router.put("/{app}/route")
async def put_route(app: str, body: RouteBody, kb: KB, scope: AdminScope) -> RoutePolicyResponse:
    """Turn the fine-tune switch: it counts from the next question that nothing has pinned.

    Refused with 409 if it wants a tuned variant and the app has none.
    """
    return _route(await write(kb, configuring.set_switch, scope, app, body.to_policy()))


@router.get("/{app}/versions", response_model=ListResponse[VersionResponse])
async def list_versions(app: str, kb: KB, scope: AdminScope) -> Listing[AppVersion]:
    """All published versions, newest first."""
    return Listing(tuple(await read(kb, apps.versions_of, scope, app)), None)


@router.get("/{app}/versions/compare")
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


@router.get("/{app}/versions/{n}", response_model=VersionResponse)
async def get_version(app: str, n: Number, kb: KB, scope: AdminScope) -> AppVersion:
    """One published version, and how its datasets stood when it was published."""
    return await read(kb, apps.version, scope, app, n)


@router.post("/{app}/rollback", response_model=VersionResponse)
async def rollback(app: str, body: RollbackBody, kb: KB, scope: AdminScope) -> AppVersion:
    """Let an earlier version answer again, under its own number; the draft stays as it is."""
    return await write(kb, apps.rollback, scope, app, body.version)


def _revision(if_match: str | None) -> int | None:
    """The revision that an `If-Match` header asks for: None for any, -1 for one that never was."""
    if if_match is None or if_match.strip() == "*":
        return None
    digits = if_match.strip().removeprefix('"').removesuffix('"')
    return int(digits) if digits.isascii() and digits.isdigit() else -1


def _shown(caller: Caller, found: AppOverview) -> AppResponse:
    if caller.scope.may("admin"):
        return AppResponse.whole(found.app, found.has_tuned, found.warnings)
    return AppResponse.public(found.app)


def _draft(found: Draft, response: Response) -> ContentResponse:
    response.headers["etag"] = f'"{found.revision}"'
    shown = ContentResponse.model_validate(found.content)
    return shown.model_copy(update={"warnings": found.warnings or MISSING})


def _route(found: Switch) -> RoutePolicyResponse:
    shown = RoutePolicyResponse.model_validate(found.policy)
    return shown.model_copy(update={"warnings": found.warnings or MISSING})
