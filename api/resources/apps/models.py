"""Language models. Their provider keys go in and never come out."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api.deps import KB, AdminScope, Paging
from api.idempotency import OnceDep
from api.resources.apps.model_requests import DefaultBody, ModelBody, ModelChange
from api.resources.apps.responses import DefaultModel, ModelResponse, ModelTestResponse
from api.resources.response import ListResponse
from api.threads import read, write
from kb.apps import checking, registering
from kb.apps.checking import FoundServer
from kb.chat.ask.chat_models import DEFAULT, NO_DEFAULT
from kb.errors import Conflict
from kb.knowledge_base import KnowledgeBase
from kb.models.llm.failures import shutdown_warning, today
from kb.models.providers.presets import Preset, presets
from kb.store.apps import models
from kb.types import Failure, Model

router = APIRouter(prefix="/v1/models", tags=["models"])


@router.post("", status_code=201, response_model=ModelResponse)
async def create_model(body: ModelBody, kb: KB, scope: AdminScope, once: OnceDep) -> Response:
    """Register a model under a new name."""

    async def create() -> ModelResponse:
        hosts = kb.settings.llm.link_local_hosts
        wanted = (scope, kb.secrets, body.to(Model))
        return _shown(kb, await write(kb, registering.add, *wanted, link_local_hosts=hosts))

    return await once(create)


@router.get("")
async def list_models(kb: KB, scope: AdminScope, page: Paging) -> ListResponse[ModelResponse]:
    """Registered models, how they do and what to be warned of."""
    listed = await read(kb, models.page, scope, page, kb.secrets)
    shown = tuple(_shown(kb, model) for model in listed.data)
    return ListResponse(data=shown, next=listed.next)


@router.get("/providers")
async def list_providers(_: AdminScope) -> ListResponse[Preset]:
    """Providers that are known by name: addresses, examples, and what is special about each."""
    return ListResponse(data=tuple(presets().values()), next=None)


@router.get("/discover")
async def discover_models(request: Request, _: AdminScope) -> ListResponse[FoundServer]:
    """Model servers at the usual ports of this machine: Ollama, llama.cpp, LM Studio, vLLM."""
    own_port = request.scope["server"][1]
    return ListResponse(data=tuple(await checking.discover(own_port)), next=None)


@router.get("/default")
async def get_default(kb: KB, _: AdminScope) -> DefaultModel:
    """The model that answers where a variant names none, and what decides so."""
    return DefaultModel.model_validate(kb.chat_models.default)


@router.put("/default")
async def set_default(body: DefaultBody, kb: KB, scope: AdminScope) -> DefaultModel:
    """Make a model the default from the next question on; null leaves it to the settings."""
    await write(kb, registering.choose, scope, body.name)
    kb.chat_models.reload_default()
    return await get_default(kb, scope)


@router.get("/{name}")
async def get_model(name: str, kb: KB, scope: AdminScope) -> ModelResponse:
    """One model."""
    return _shown(kb, await read(kb, models.get, scope, kb.secrets, name))


@router.patch("/{name}")
async def change_model(name: str, body: ModelChange, kb: KB, scope: AdminScope) -> ModelResponse:
    """Change what is given; an answer in progress finishes with the model as it was."""
    hosts = kb.settings.llm.link_local_hosts
    changed = await write(
        kb, registering.change, scope, kb.secrets, name, body.changes(), link_local_hosts=hosts
    )
    await kb.chat_models.forget(name)
    return _shown(kb, changed)


@router.delete("/{name}", status_code=204)
async def delete_model(name: str, kb: KB, scope: AdminScope, force: bool = False) -> Response:
    """Forget a model; 409 while the published version or draft of an app asks it, unless forced."""
    await write(kb, registering.remove, scope, name, force=force)
    kb.chat_models.reload_default()
    await kb.chat_models.forget(name)
    return Response(status_code=204)


@router.post("/{name}/test")
async def test_model(name: str, kb: KB, scope: AdminScope) -> ModelTestResponse:
    """Send a tiny prompt: what works of the model, and what to do about what does not.

    It is sent also to a model that is left alone after failures; an answer ends that. `default` is
    the model that answers where a variant names none.
    """
    opened = None
    if name == DEFAULT:
        opened = await asyncio.to_thread(kb.chat_models.find, scope, None)
        if opened is None:
            raise Conflict(NO_DEFAULT)
    if opened is None:
        opened = kb.chat_models.open(await read(kb, models.get, scope, kb.secrets, name))
    found = await checking.check(opened, kb.settings.llm.link_local_hosts)
    return ModelTestResponse.model_validate(found)


def _shown(kb: KnowledgeBase, model: Model) -> ModelResponse:
    warning = shutdown_warning(model, today())
    warnings = () if warning is None else (Failure("model_shutdown", warning),)
    return ModelResponse.of(model, kb.chat_models.health().get(model.name), warnings)
