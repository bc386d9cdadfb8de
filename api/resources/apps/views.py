"""How apps are shown, with what an operator should be warned of: what needs more than one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.resources import encoders
from api.resources.apps import responses
from kb.access import Caller
from kb.apps.model_retirement import content_warnings, today
from kb.chat.ask.prompting import prompt_warnings
from kb.chat.ask.routing import route_warnings
from kb.store.apps import apps, contents, models
from kb.store.engine.database import Transaction
from kb.store.engine.paging import PageRequest
from kb.types import App, AppContent, Failure, Model, RoutePolicy, Scope

Json = dict[str, Any]


def page(tx: Transaction, caller: Caller, request: PageRequest) -> Json:
    """A part of the apps that a key opens."""
    found = apps.page(tx, caller.scope, request)
    answering = contents.published(tx, caller.scope, [app.id for app in found.data])
    return encoders.listing(found, lambda app: _app(tx, caller, app, answering.get(app.id)))


def one(tx: Transaction, caller: Caller, name: str) -> Json:
    """One app, by id or slug."""
    app = apps.get(tx, caller.scope, name)
    return _app(tx, caller, app, contents.published(tx, caller.scope, [app.id]).get(app.id))


def draft(tx: Transaction, scope: Scope, content: AppContent) -> Json:
    """A draft as it can be sent back; `warnings` only if there are any."""
    found = (*prompt_warnings(content), *_of_models(tx, scope, content))
    return responses.content(content) | _warnings(found)


def route(tx: Transaction, scope: Scope, app: App) -> Json:
    """The fine-tune switch; `warnings` only if there are any."""
    answering = contents.published(tx, scope, [app.id]).get(app.id)
    return responses.route(app.route) | _warnings(route_warnings(app.route, answering))


def _app(tx: Transaction, caller: Caller, app: App, answering: AppContent | None) -> Json:
    shown = responses.app(app, caller)
    if not caller.scope.may("admin"):
        return shown
    has_tuned = answering is not None and answering.tuned is not None
    found = () if answering is None else _all_warnings(tx, caller.scope, app.route, answering)
    return {**shown, "has_tuned": has_tuned, **_warnings(found)}


def _all_warnings(
    tx: Transaction, scope: Scope, policy: RoutePolicy, content: AppContent
) -> tuple[Failure, ...]:
    return (*route_warnings(policy, content), *_of_models(tx, scope, content))


def _of_models(tx: Transaction, scope: Scope, content: AppContent) -> tuple[Failure, ...]:
    known: Mapping[str, Model] = models.named(tx, scope, contents.models_of(content))
    return content_warnings(content, known, today())


def _warnings(found: tuple[Failure, ...]) -> Json:
    return {"warnings": [encoders.failure(one) for one in found]} if found else {}
