"""Language models. Their provider keys go in and never come out."""

from __future__ import annotations

import time
from dataclasses import replace

from fastapi import APIRouter
from starlette.responses import Response

from api.deps import KB, AdminScope, Paging
from api.http.idempotency import OnceDep
from api.resources.apps.model_requests import ModelBody, ModelChange
from api.resources.apps.responses import ModelResponse, ModelTestResponse
from api.resources.response import ListResponse
from api.threads import read, write
from kb.apps.model_retirement import shutdown_warning, today
from kb.chat.ask.chat_models import DEFAULT, EXTRACTIVE, OpenModel
from kb.errors import Conflict, Rejected
from kb.knowledge_base import KnowledgeBase
from kb.protocols import Prompt
from kb.store.access.secrets import Secrets
from kb.store.apps import contents, models
from kb.store.engine.database import Transaction
from kb.store.engine.paging import Listing, PageRequest
from kb.types import Failure, Model, Scope, TextPiece

router = APIRouter(prefix="/v1/models", tags=["models"])

PROBE = Prompt(system="", history=(), query="Say hello.", max_tokens=16)


@router.post("", status_code=201, response_model=ModelResponse)
async def create_model(body: ModelBody, kb: KB, scope: AdminScope, once: OnceDep) -> Response:
    """Register a model under a new name."""

    async def create() -> ModelResponse:
        model = body.to_model()
        await write(kb, _add, scope, kb.secrets, model)
        return _shown(kb, model)

    return await once(create)


@router.get("")
async def list_models(kb: KB, scope: AdminScope, page: Paging) -> ListResponse[ModelResponse]:
    """Registered models, how they do and what to be warned of."""
    listed = await read(kb, _listed, scope, kb.secrets, page)
    shown = tuple(_shown(kb, model) for model in listed.data)
    return ListResponse(data=shown, next=listed.next)


@router.get("/{name}")
async def get_model(name: str, kb: KB, scope: AdminScope) -> ModelResponse:
    """One model."""
    return _shown(kb, await read(kb, models.get, scope, kb.secrets, name))


@router.patch("/{name}")
async def change_model(name: str, body: ModelChange, kb: KB, scope: AdminScope) -> ModelResponse:
    """Change what is given; an answer in progress finishes with the model as it was."""
    changed = await write(kb, _change, scope, kb.secrets, name, body)
    await kb.chat_models.forget(name)
    return _shown(kb, changed)


@router.delete("/{name}", status_code=204)
async def delete_model(name: str, kb: KB, scope: AdminScope, force: bool = False) -> Response:
    """Forget a model; 409 while the published version or draft of an app asks it, unless forced."""
    await write(kb, models.remove if force else _remove_unused, scope, name)
    await kb.chat_models.forget(name)
    return Response(status_code=204)


@router.post("/{name}/test")
async def test_model(name: str, kb: KB, scope: AdminScope) -> ModelTestResponse:
    """Send a tiny prompt: whether the model answers, and how soon.

    It is sent also to a model that is left alone after failures; an answer ends that.
    """
    model = await read(kb, models.get, scope, kb.secrets, name)
    return await _probe(kb.chat_models.open(model))


def _shown(kb: KnowledgeBase, model: Model) -> ModelResponse:
    warning = shutdown_warning(model, today())
    warnings = () if warning is None else (Failure("model_shutdown", warning),)
    return ModelResponse.of(model, kb.chat_models.health().get(model.name), warnings)


async def _probe(model: OpenModel) -> ModelTestResponse:
    began = time.perf_counter()
    first_ms, text = None, ""
    async for piece in model.test(PROBE):
        if isinstance(piece, TextPiece):
            first_ms = first_ms or (time.perf_counter() - began) * 1000
            text += piece.text
    total_ms = (time.perf_counter() - began) * 1000
    return ModelTestResponse(
        first_token_ms=None if first_ms is None else round(first_ms, 1),
        total_ms=round(total_ms, 1),
        text=text[:200],
    )


def _add(tx: Transaction, scope: Scope, vault: Secrets, model: Model) -> None:
    if model.name in (DEFAULT, EXTRACTIVE):
        raise Rejected(f"The name {model.name!r} is taken by the server. Choose another.")
    if models.find(tx, scope, vault, model.name) is not None:
        raise Conflict(f"A model named {model.name!r} exists already. Change it with PATCH.")
    models.put(tx, scope, vault, model)


def _change(tx: Transaction, scope: Scope, vault: Secrets, name: str, body: ModelChange) -> Model:
    changed = replace(models.get(tx, scope, vault, name), **body.changes())
    models.put(tx, scope, vault, changed)
    return changed


def _remove_unused(tx: Transaction, scope: Scope, name: str) -> None:
    asking = contents.apps_asking(tx, scope, name)
    if asking:
        raise Conflict(
            f"The model {name!r} is asked by the apps {', '.join(asking)}. Let their drafts name "
            f"another and publish them, or delete it with ?force=true."
        )
    models.remove(tx, scope, name)


def _listed(tx: Transaction, scope: Scope, vault: Secrets, page: PageRequest) -> Listing[Model]:
    listed = models.page(tx, scope, page)
    whole = [models.get(tx, scope, vault, model.name) for model in listed.data]
    return Listing(tuple(whole), listed.next)
