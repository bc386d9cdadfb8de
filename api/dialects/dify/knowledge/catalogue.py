"""What clients list beside datasets: tags, of which there are none, and embedding models."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from api.deps import KB, AdminCaller, SearchCaller
from api.dialects.dify.knowledge.records import PROVIDER
from api.threads import read
from kb.errors import Rejected
from kb.store.content import datasets

router = APIRouter(tags=["tags and models"])


@router.get("/datasets/tags")
async def list_tags(caller: SearchCaller) -> list[Any]:
    """Nothing."""
    return []


@router.post("/datasets/tags")
@router.patch("/datasets/tags")
@router.delete("/datasets/tags")
@router.post("/datasets/tags/binding")
@router.post("/datasets/tags/unbinding")
async def change_tags(caller: AdminCaller) -> None:
    """Refused."""
    raise Rejected("Datasets have no tags here. Say it in the name or description of a dataset.")


@router.get("/datasets/{dataset_id}/tags")
@router.post("/datasets/{dataset_id}/tags")
async def list_tags_of_dataset(dataset_id: str, kb: KB, caller: SearchCaller) -> dict[str, Any]:
    """Nothing."""
    await read(kb, datasets.get, caller.scope, dataset_id)
    return {"data": [], "total": 0}


@router.get("/workspaces/current/models/model-types/{model_type}")
async def list_models(model_type: str, kb: KB, caller: SearchCaller) -> dict[str, Any]:
    """The embedding model of new datasets; no other models are told."""
    if model_type != "text-embedding":
        return {"data": []}
    name = kb.embedders.configured
    model = {
        "model": name,
        "label": {"en_US": name},
        "model_type": model_type,
        "features": [],
        "fetch_from": "predefined-model",
        "model_properties": {"context_size": kb.embedder.max_tokens},
        "deprecated": False,
        "status": "active",
        "load_balancing_enabled": False,
    }
    shown = {"provider": PROVIDER, "label": {"en_US": "Citewell"}, "status": "active"}
    return {"data": [shown | {"models": [model]}]}
