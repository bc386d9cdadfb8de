"""Registering language models, changing them, and forgetting those that no app asks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from kb.chat.ask.chat_models import DEFAULT, EXTRACTIVE, OpenModel
from kb.errors import Conflict, Rejected
from kb.models.llm.addresses import check_base_url
from kb.models.providers.presets import base_url_of
from kb.protocols import Prompt, Sampling
from kb.store.access.secrets import Secrets
from kb.store.apps import apps, models
from kb.store.engine.database import Transaction
from kb.types import Model, Scope, TextPiece

PROBE = Prompt(system="", history=(), query="Say hello.", sampling=Sampling(max_tokens=16))
SHOWN_CHARACTERS = 200
TAKEN = frozenset({DEFAULT, EXTRACTIVE, "providers", "discover"})
"""Names that no model may have: they are paths, or the server's own."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """How soon a model answered a tiny prompt, and the beginning of what it said."""

    first_token_ms: float | None
    total_ms: float
    text: str


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
    asking = () if force else apps.asking(tx, scope, name)
    if asking:
        raise Conflict(
            f"The model {name!r} is asked by the apps {', '.join(asking)}. Let their drafts name "
            f"another and publish them, or delete it with ?force=true."
        )
    models.remove(tx, scope, name)


def _addressed(model: Model, link_local_hosts: str) -> Model:
    base_url = base_url_of(model.provider, model.base_url)
    if base_url is not None:
        check_base_url(base_url, link_local_hosts)
    return replace(model, base_url=base_url)


async def probe(model: OpenModel) -> ProbeResult:
    """Send a tiny prompt, also to a model that is left alone after failures. Raises
    ModelUnavailable."""
    began = time.perf_counter()
    first_ms, text = None, ""
    async for piece in model.test(PROBE):
        if isinstance(piece, TextPiece):
            first_ms = first_ms or round((time.perf_counter() - began) * 1000, 1)
            text += piece.text
    total_ms = round((time.perf_counter() - began) * 1000, 1)
    return ProbeResult(first_ms, total_ms, text[:SHOWN_CHARACTERS])
