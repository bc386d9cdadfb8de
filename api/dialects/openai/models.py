"""GET /models: the apps that a key opens; for admins registered and tuned models and the embedder.

A tuned model answers once it is registered: its name says that it is there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter

from api.deps import KB, CallerDep
from api.dialects.dialect import seconds
from api.dialects.openai.answer import listed
from api.dialects.openai.asking import target
from api.dialects.openai.shared.errors import UnknownModel
from api.threads import read
from kb.access import Caller
from kb.knowledge_base import KnowledgeBase
from kb.store.apps import apps, models
from kb.store.engine.database import Transaction
from kb.store.engine.paging import MAX_LIMIT, PageRequest
from kb.store.tuning import tuned_models
from kb.types import App, Scope

router = APIRouter(tags=["models"])

OWNER = "citewell"


@router.get("/models")
async def list_models(kb: KB, caller: CallerDep) -> dict[str, Any]:
    """What may stand in `model`."""
    found = await read(kb, _named, caller.scope)
    return listed([*(_described(name, at) for name, at in found), *_embedder(kb, caller)])


@router.get("/models/{model:path}")
async def get_model(model: str, kb: KB, caller: CallerDep) -> dict[str, Any]:
    """One of them, also with an option: `slug:tuned`."""
    if any(each["id"] == model for each in _embedder(kb, caller)):
        return _described(model)
    if not caller.scope.may("chat"):
        raise UnknownModel(model)
    if caller.scope.may("admin") and (
        tuned := await read(kb, tuned_models.find, caller.scope, model)
    ):
        return _described(model, tuned.created_at)
    await read(kb, target, caller.scope, model)
    return _described(model)


def _named(tx: Transaction, scope: Scope) -> list[tuple[str, str]]:
    if not scope.may("chat"):
        return []
    everything = PageRequest(MAX_LIMIT)
    found: Iterable[App] = apps.page(tx, scope, everything).data
    named = [(app.slug, app.created_at) for app in found if app.version is not None]
    if scope.may("admin"):
        tuned = tuned_models.page(tx, scope, everything).data
        named += [(model.name, model.created_at) for model in tuned]
        registered = models.page(tx, scope, everything).data
        named += [(model.name, "") for model in registered if model.name not in dict(named)]
    return list(dict(named).items())


def _embedder(kb: KnowledgeBase, caller: Caller) -> list[dict[str, Any]]:
    return [_described(kb.embedders.configured)] if caller.scope.may("search") else []


def _described(name: str, created_at: str = "") -> dict[str, Any]:
    created = seconds(created_at) if created_at else 0
    return {"id": name, "object": "model", "created": created, "owned_by": OWNER}
