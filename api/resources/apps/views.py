"""How apps are shown, with what an operator should be warned of: what needs more than one table."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import MISSING

from api.resources.apps.responses import AppResponse, ContentResponse, RoutePolicyResponse
from api.resources.response import ListResponse
from kb.access import Caller
from kb.apps.model_retirement import content_warnings, today
from kb.chat.ask.prompting import prompt_warnings
from kb.chat.ask.routing import route_warnings
from kb.store.apps import apps, contents, models
from kb.store.engine.database import Transaction
from kb.store.engine.paging import PageRequest
from kb.types import App, AppContent, Failure, Model, RoutePolicy, Scope


def page(tx: Transaction, caller: Caller, request: PageRequest) -> ListResponse[AppResponse]:
    """A part of the apps that a key opens."""
    found = apps.page(tx, caller.scope, request)
    answering = contents.published(tx, caller.scope, [app.id for app in found.data])
    shown = (_app(tx, caller, app, answering.get(app.id)) for app in found.data)
    return ListResponse(data=tuple(shown), next=found.next)


def one(tx: Transaction, caller: Caller, name: str) -> AppResponse:
    """One app, by id or slug."""
    app = apps.get(tx, caller.scope, name)
    return _app(tx, caller, app, contents.published(tx, caller.scope, [app.id]).get(app.id))


def draft(tx: Transaction, scope: Scope, content: AppContent) -> ContentResponse:
    """A draft as it can be sent back; `warnings` only if there are any."""
    found = (*prompt_warnings(content), *_of_models(tx, scope, content))
    shown = ContentResponse.model_validate(content)
    return shown.model_copy(update={"warnings": found or MISSING})


def route(tx: Transaction, scope: Scope, app: App) -> RoutePolicyResponse:
    """The fine-tune switch; `warnings` only if there are any."""
    answering = contents.published(tx, scope, [app.id]).get(app.id)
    shown = RoutePolicyResponse.model_validate(app.route)
    found = tuple(route_warnings(app.route, answering))
    return shown.model_copy(update={"warnings": found or MISSING})


def _app(tx: Transaction, caller: Caller, app: App, answering: AppContent | None) -> AppResponse:
    if not caller.scope.may("admin"):
        return AppResponse.public(app)
    has_tuned = answering is not None and answering.tuned is not None
    found = () if answering is None else _all_warnings(tx, caller.scope, app.route, answering)
    return AppResponse.whole(app, has_tuned, found)


def _all_warnings(
    tx: Transaction, scope: Scope, policy: RoutePolicy, content: AppContent
) -> tuple[Failure, ...]:
    return (*route_warnings(policy, content), *_of_models(tx, scope, content))


def _of_models(tx: Transaction, scope: Scope, content: AppContent) -> tuple[Failure, ...]:
    known: Mapping[str, Model] = models.named(tx, scope, contents.models_of(content))
    return content_warnings(content, known, today())
