"""Registering language models, changing them, and forgetting those that no app asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kb.chat.ask.chat_models import DEFAULT, EXTRACTIVE
from kb.errors import Conflict, Rejected
from kb.models.llm.addresses import check_base_url
from kb.models.providers.presets import base_url_of
from kb.store.access.secrets import Secrets
from kb.store.apps import apps, models
from kb.store.engine.database import Transaction
from kb.types import Model, Scope

TAKEN = frozenset({DEFAULT, EXTRACTIVE, "providers", "discover"})
"""Names that no model may have: they are paths, or the server's own."""


def add(
    tx: Transaction, scope: Scope, vault: Secrets, model: Model, *, link_local_hosts: str = ""
) -> Model:
    """Register a model, at its provider's address where it has none of its own.

    Raises:
        Rejected: the server uses its name itself, or its address is not one of a model server.
        Conflict: a model of that name is registered.
    """
    if model.name in TAKEN:
        raise Rejected(f"The name {model.name!r} is taken by the server. Choose another.")
    model = _addressed(model, link_local_hosts)
    if models.find(tx, scope, vault, model.name) is not None:
        raise Conflict(f"A model named {model.name!r} exists already. Change it with PATCH.")
    models.put(tx, scope, vault, model)
    return model


def change(
    tx: Transaction,
    scope: Scope,
    vault: Secrets,
    name: str,
    changes: Mapping[str, Any],
    *,
    link_local_hosts: str = "",
) -> Model:
    """Change fields of a model; another provider brings its address.

    Raises NotFound, or Rejected for an address as `add` does.
    """
    known = models.get(tx, scope, vault, name)
    is_moved = changes.get("provider", known.provider) != known.provider
    changed = replace(known, **{"base_url": None if is_moved else known.base_url, **changes})
    if {"base_url", "provider"} & changes.keys():
        changed = _addressed(changed, link_local_hosts)
    models.put(tx, scope, vault, changed)
    return changed


def remove(tx: Transaction, scope: Scope, name: str, *, force: bool) -> None:
    """Forget a model.

    Args:
        force: also one that apps ask.

    Raises:
        NotFound: there is no such model.
        Conflict: the published version or the draft of an app asks it.
    """
    if not force and models.chosen(tx) == name:
        raise Conflict(
            f"The model {name!r} is the default. Make another one it with PUT /v1/models/default, "
            "or delete it with ?force=true."
        )
    asking = () if force else apps.asking(tx, scope, name)
    if asking:
        raise Conflict(
            f"The model {name!r} is asked by the apps {', '.join(asking)}. Let their drafts name "
            f"another and publish them, or delete it with ?force=true."
        )
    models.remove(tx, scope, name)
    if models.chosen(tx) == name:
        models.choose(tx, None)


def choose(tx: Transaction, scope: Scope, name: str | None) -> None:
    """Make a registered model the default, or "extractive"; None leaves it to the settings.

    Raises:
        NotFound: there is no such model.
    """
    if name not in (None, EXTRACTIVE):
        models.get(tx, scope, None, name)
    models.choose(tx, name)


def _addressed(model: Model, link_local_hosts: str) -> Model:
    base_url = base_url_of(model.provider, model.base_url)
    if base_url is not None:
        check_base_url(base_url, link_local_hosts)
    return replace(model, base_url=base_url)
