"""Apps: their drafts, versions and routes. What holds a hidden prompt is for admins."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header
from starlette.responses import JSONResponse, Response

from api import encoders
from api.deps import KB, AdminCaller, AdminScope, ChatCaller, Json, Paging
from api.errors import PreconditionFailed
from api.idempotency import OnceDep
from api.schemas.apps import AppBody, AppChange, DraftBody, RollbackBody, RouteBody
from api.threads import read, write
from kb.chat.catalog import DEFAULT, EXTRACTIVE
from kb.store import apps, datasets, models
from kb.store.database import Transaction
from kb.types import App, AppContent, Scope

router = APIRouter(prefix="/v1/apps", tags=["apps"])

IfMatch = Annotated[str | None, Header(max_length=100)]


@router.post("", status_code=201)
async def create_app(body: AppBody, kb: KB, caller: AdminCaller, once: OnceDep) -> Response:
    """Add an app with an empty draft; its slug must be new."""

    async def create() -> Json:
        made = await write(kb, _create, caller.scope, body)
        return encoders.app(made, caller)

    return await once(201, create)


@router.get("")
async def list_apps(kb: KB, caller: ChatCaller, page: Paging) -> Json:
    """The apps that the key opens, oldest first."""
    found = await read(kb, apps.page, caller.scope, page)
    return encoders.listing(found, lambda app: encoders.app(app, caller))


@router.get("/{app}")
async def get_app(app: str, kb: KB, caller: ChatCaller) -> Json:
    """One app, by id or slug."""
    return encoders.app(await read(kb, apps.get, caller.scope, app), caller)


@router.patch("/{app}")
async def change_app(app: str, body: AppChange, kb: KB, caller: AdminCaller) -> Json:
    """Change how an app presents itself."""
    changed = await write(kb, apps.change, caller.scope, app, body.changes())
    return encoders.app(changed, caller)


@router.delete("/{app}", status_code=204)
async def delete_app(app: str, kb: KB, scope: AdminScope) -> Response:
    """Delete an app with its versions and conversations, and end its keys."""
    await write(kb, apps.remove, scope, app)
    return Response(status_code=204)


@router.get("/{app}/draft")
async def get_draft(app: str, kb: KB, scope: AdminScope) -> Response:
    """What the next version will answer with; `ETag` names its revision."""
    content, revision = await read(kb, apps.draft, scope, app)
    return JSONResponse(encoders.content(content), headers={"etag": _etag(revision)})


@router.put("/{app}/draft")
async def put_draft(
    app: str, body: DraftBody, kb: KB, scope: AdminScope, if_match: IfMatch = None
) -> Response:
    """Replace the draft; with `If-Match` only if nobody else has changed it since."""
    content = body.to_content()
    revision = await write(kb, _set_draft, scope, app, content, if_match)
    return JSONResponse(encoders.content(content), headers={"etag": _etag(revision)})


@router.post("/{app}/publish", status_code=201)
async def publish(app: str, kb: KB, scope: AdminScope, once: OnceDep) -> Response:
    """Freeze the draft under the next number and let it answer."""

    async def create() -> Json:
        return encoders.version(await write(kb, apps.publish, scope, app))

    return await once(201, create)


@router.get("/{app}/versions")
async def list_versions(app: str, kb: KB, scope: AdminScope) -> Json:
    """All published versions, newest first."""
    found = await read(kb, apps.versions_of, scope, app)
    return encoders.part(found, None, encoders.version)


@router.post("/{app}/rollback")
async def rollback(app: str, body: RollbackBody, kb: KB, scope: AdminScope) -> Json:
    """Let an earlier version answer again."""
    return encoders.version(await write(kb, apps.rollback, scope, app, body.version))


@router.get("/{app}/route")
async def get_route(app: str, kb: KB, scope: AdminScope) -> Json:
    """How the fine-tune switch stands."""
    return encoders.route((await read(kb, apps.get, scope, app)).route)


@router.put("/{app}/route")
async def put_route(app: str, body: RouteBody, kb: KB, scope: AdminScope) -> Json:
    """Turn the fine-tune switch: it counts from the next question that nothing has pinned."""
    policy = body.to_policy()
    changed = await write(kb, apps.set_route, scope, app, policy)
    return encoders.route(changed.route)


def _etag(revision: int) -> str:
    return f'"{revision}"'


def _create(tx: Transaction, scope: Scope, body: AppBody) -> App:
    return apps.create(tx, scope, **body.model_dump())


def _set_draft(
    tx: Transaction, scope: Scope, app: str, content: AppContent, if_match: str | None
) -> int:
    for dataset_id in content.dataset_ids:
        datasets.get(tx, scope, dataset_id)
    for variant in (content.base, content.tuned):
        if variant is not None and variant.model not in (None, EXTRACTIVE, DEFAULT):
            models.check(tx, scope, variant.model)
    expected = None
    if if_match is not None and if_match.strip() != "*":
        _, expected = apps.draft(tx, scope, app)
        if if_match.strip() != _etag(expected):
            raise PreconditionFailed("The draft was changed by somebody else. Read it again.")
    return apps.set_draft(tx, scope, app, content, expected=expected)
