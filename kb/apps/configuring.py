"""What an operator sets of an app: its draft and its fine-tune switch.

A draft and a switch may name only what is there. Each comes with what an operator should be warned
of. Hidden prompts are in a draft, so these functions are for scopes of admins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from kb.chat.ask.chat_models import DEFAULT, EXTRACTIVE
from kb.chat.ask.prompting import prompt_warnings
from kb.chat.ask.routing import check_policy, route_warnings
from kb.models.llm.failures import shutdown_warning, today
from kb.store.apps import apps, models
from kb.store.content import datasets
from kb.store.engine.database import Transaction
from kb.store.engine.paging import Listing, PageRequest
from kb.store.tuning import tuned_models
from kb.types import App, AppContent, Failure, Model, RoutePolicy, Scope


@dataclass(frozen=True, slots=True)
class Draft:
    """What the next version will answer with; `revision` goes up with each change."""

    content: AppContent
    revision: int
    warnings: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class Switch:
    """How the fine-tune switch stands."""

    policy: RoutePolicy
    warnings: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class AppOverview:
    """An app with what an operator wants to know of the version that answers."""

    app: App
    has_tuned: bool
    warnings: tuple[Failure, ...]


def state(tx: Transaction, scope: Scope, app: str) -> AppOverview:
    """One app, by id or slug. Raises NotFound."""
    return _states(tx, scope, (apps.get(tx, scope, app),))[0]


def states(tx: Transaction, scope: Scope, request: PageRequest) -> Listing[AppOverview]:
    """A part of the apps that a scope sees."""
    found = apps.page(tx, scope, request)
    return Listing(_states(tx, scope, found.data), found.next)


def add(tx: Transaction, scope: Scope, fields: Mapping[str, Any]) -> AppOverview:
    """Add an app with an empty draft; `fields` as `kb.store.apps.apps.create` takes them. Raises
    Conflict."""
    return state(tx, scope, apps.create(tx, scope, **fields).id)


def change(tx: Transaction, scope: Scope, app: str, fields: Mapping[str, Any]) -> AppOverview:
    """Change how an app presents itself. Raises NotFound, Conflict."""
    return state(tx, scope, apps.change(tx, scope, app, fields).id)


def draft(tx: Transaction, scope: Scope, app: str) -> Draft:
    """The draft of an app. Raises NotFound."""
    content, revision = apps.draft(tx, scope, app)
    return _draft(tx, scope, content, revision)


def set_draft(
    tx: Transaction, scope: Scope, app: str, content: AppContent, expected: int | None
) -> Draft:
    """Replace the draft of an app.

    Args:
        expected: the revision that it must have; None replaces any.

    Raises:
        NotFound: there is no such app, or no dataset or model that the draft names.
        PreconditionFailed: the draft has another revision.
    """
    for dataset_id in content.dataset_ids:
        datasets.get(tx, scope, dataset_id)
    for model in content.models - {EXTRACTIVE, DEFAULT}:
        models.get(tx, scope, None, model)
    revision = apps.set_draft(tx, scope, app, content, expected=expected)
    return _draft(tx, scope, content, revision)


def switch(tx: Transaction, scope: Scope, app: str) -> Switch:
    """How the fine-tune switch of an app stands. Raises NotFound."""
    return _switch(tx, scope, apps.get(tx, scope, app))


def set_switch(tx: Transaction, scope: Scope, app: str, policy: RoutePolicy) -> Switch:
    """Turn the fine-tune switch of an app.

    Raises:
        NotFound: there is no such app, or no dataset or classifier that a rule names.
        Conflict: the policy wants a tuned variant, and neither version nor draft has one.
    """
    found = apps.get(tx, scope, app)
    content, _ = apps.draft(tx, scope, found.id)
    check_policy(policy, _answering(tx, scope, found), content)
    for dataset_id in dict.fromkeys(one for rule in policy.rules for one in rule.dataset_ids):
        datasets.get(tx, scope, dataset_id)
    for name in dict.fromkeys(rule.classifier for rule in policy.rules if rule.classifier):
        tuned_models.get(tx, scope, name)
    return _switch(tx, scope, apps.set_route(tx, scope, found.id, policy))


def shutdown_warnings(
    content: AppContent, known: Mapping[str, Model], day: date
) -> tuple[Failure, ...]:
    """What to know of the models that a draft or version asks."""
    variants = {"base": content.base, "tuned": content.tuned}
    return tuple(
        Failure("model_shutdown", f"{sentence} It answers the variant {name!r}.")
        for name, variant in variants.items()
        for model in dict.fromkeys(variant.models if variant else ())
        if model in known and (sentence := shutdown_warning(known[model], day))
    )


def _states(tx: Transaction, scope: Scope, found: tuple[App, ...]) -> tuple[AppOverview, ...]:
    answering = apps.published_contents(tx, scope, [app.id for app in found])
    return tuple(_state(tx, scope, app, answering.get(app.id)) for app in found)


def _state(tx: Transaction, scope: Scope, app: App, answering: AppContent | None) -> AppOverview:
    if answering is None:
        return AppOverview(app, has_tuned=False, warnings=())
    found = (*route_warnings(app.route, answering), *_of_models(tx, scope, answering))
    return AppOverview(app, answering.tuned is not None, found)


def _draft(tx: Transaction, scope: Scope, content: AppContent, revision: int) -> Draft:
    found = (*prompt_warnings(content), *_of_models(tx, scope, content))
    return Draft(content, revision, found)


def _switch(tx: Transaction, scope: Scope, app: App) -> Switch:
    return Switch(app.route, route_warnings(app.route, _answering(tx, scope, app)))


def _answering(tx: Transaction, scope: Scope, app: App) -> AppContent | None:
    return apps.published_contents(tx, scope, [app.id]).get(app.id)


def _of_models(tx: Transaction, scope: Scope, content: AppContent) -> tuple[Failure, ...]:
    known = models.named(tx, scope, content.models)
    return shutdown_warnings(content, known, today())
