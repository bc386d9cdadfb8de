"""Apps: their drafts, publishing and routes. What holds a hidden prompt is for admins."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Header
from starlette.responses import Response

from api.deps import KB, AdminCaller, AdminScope, ChatCaller, Paging
from api.http.idempotency import OnceDep
from api.resources.apps import views
from api.resources.apps.requests import AppBody, AppChange, DraftBody, RouteBody
from api.resources.apps.responses import (
    AppResponse,
    ContentResponse,
    RoutePolicyResponse,
    VersionResponse,
)
from api.resources.response import ListResponse
from api.threads import read, write
from kb.access import Caller
from kb.chat.ask.chat_models import DEFAULT, EXTRACTIVE
from kb.chat.ask.routing import check_policy
from kb.store.apps import apps, contents, models
from kb.store.content import datasets
from kb.store.engine.database import Transaction
from kb.types import AppContent, RoutePolicy, Scope

router = APIRouter(prefix="/v1/apps", tags=["apps"])

IfMatch = Annotated[str | None, Header(max_length=100)]


@router.post("", status_code=201, response_model=AppResponse)
async def create_app(body: AppBody, kb: KB, caller: AdminCaller, once: OnceDep) -> Response:
    """Add an app with an empty draft; its slug must be new."""

    return await once(partial(write, kb, _create, caller, body))


@router.get("")
async def list_apps(kb: KB, caller: ChatCaller, page: Paging) -> ListResponse[AppResponse]:
    """The apps that the key opens, oldest first."""
    return await read(kb, views.page, caller, page)


@router.get("/{app}")
async def get_app(app: str, kb: KB, caller: ChatCaller) -> AppResponse:
    """One app, by id or slug."""
    return await read(kb, views.one, caller, app)


@router.patch("/{app}")
async def change_app(app: str, body: AppChange, kb: KB, caller: AdminCaller) -> AppResponse:
    """Change how an app presents itself."""
    return await write(kb, _change, caller, app, body.changes())


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
    shown, revision = await read(kb, _draft, scope, app)
    response.headers["etag"] = _etag(revision)
    return shown


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
    expected = _revision(if_match)
    shown, revision = await write(kb, _set_draft, scope, app, body.to_content(), expected)
    response.headers["etag"] = _etag(revision)
    return shown


@router.post("/{app}/publish", status_code=201, response_model=VersionResponse)
async def publish(app: str, kb: KB, scope: AdminScope, once: OnceDep) -> Response:
    """Freeze the draft under the next number and let it answer."""
    return await once(partial(write, kb, apps.publish, scope, app))


@router.get("/{app}/route")
async def get_route(app: str, kb: KB, scope: AdminScope) -> RoutePolicyResponse:
    """How the fine-tune switch stands."""
    return await read(kb, _route, scope, app)


@router.put("/{app}/route")
async def put_route(app: str, body: RouteBody, kb: KB, scope: AdminScope) -> RoutePolicyResponse:
    """Turn the fine-tune switch: it counts from the next question that nothing has pinned.

    Refused with 409 if it wants a tuned variant and the app has none.
    """
    return await write(kb, _set_route, scope, app, body.to_policy())


def _etag(revision: int) -> str:
    return f'"{revision}"'


def _revision(if_match: str | None) -> int | None:
    """The revision that an `If-Match` header asks for: None for any, -1 for one that never was."""
    if if_match is None or if_match.strip() == "*":
        return None
    digits = if_match.strip().removeprefix('"').removesuffix('"')
    return int(digits) if digits.isascii() and digits.isdigit() else -1


def _create(tx: Transaction, caller: Caller, body: AppBody) -> AppResponse:
    made = apps.create(tx, caller.scope, **body.model_dump())
    return views.one(tx, caller, made.id)


def _change(tx: Transaction, caller: Caller, app: str, changes: dict[str, Any]) -> AppResponse:
    return views.one(tx, caller, apps.change(tx, caller.scope, app, changes).id)


def _draft(tx: Transaction, scope: Scope, app: str) -> tuple[ContentResponse, int]:
    content, revision = apps.draft(tx, scope, app)
    return views.draft(tx, scope, content), revision


def _set_draft(
    tx: Transaction, scope: Scope, app: str, content: AppContent, expected: int | None
) -> tuple[ContentResponse, int]:
    for dataset_id in content.dataset_ids:
        datasets.get(tx, scope, dataset_id)
    for model in contents.models_of(content) - {EXTRACTIVE, DEFAULT}:
        models.check(tx, scope, model)
    revision = apps.set_draft(tx, scope, app, content, expected=expected)
    return views.draft(tx, scope, content), revision


def _route(tx: Transaction, scope: Scope, app: str) -> RoutePolicyResponse:
    return views.route(tx, scope, apps.get(tx, scope, app))


def _set_route(tx: Transaction, scope: Scope, app: str, policy: RoutePolicy) -> RoutePolicyResponse:
    found = apps.get(tx, scope, app)
    content, _ = apps.draft(tx, scope, found.id)
    check_policy(policy, contents.published(tx, scope, [found.id]).get(found.id), content)
    for dataset_id in dict.fromkeys(one for rule in policy.rules for one in rule.dataset_ids):
        datasets.get(tx, scope, dataset_id)
    return views.route(tx, scope, apps.set_route(tx, scope, found.id, policy))
