"""What clients list beside datasets: tags, of which there are none, and embedding models."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from api.deps import KB, AdminScope, SearchScope
from api.dialects.dify.knowledge.places import InDataset
from api.dialects.dify.knowledge.records import PROVIDER, Record
from kb.errors import Rejected

router = APIRouter(tags=["tags and models"])


@router.get("/datasets/tags")
async def list_tags(scope: SearchScope) -> list[Any]:
    """Nothing."""
    return []


@router.post("/datasets/tags")
@router.patch("/datasets/tags")
@router.delete("/datasets/tags")
@router.post("/datasets/tags/binding")
@router.post("/datasets/tags/unbinding")
async def change_tags(scope: AdminScope) -> None:
    """Refused."""
    raise Rejected("Datasets have no tags here. Say it in the name or description of a dataset.")


@router.get("/datasets/{dataset_id}/tags")
@router.post("/datasets/{dataset_id}/tags")
async def list_tags_of_dataset(at: InDataset) -> Record:
    """Nothing."""
    return {"data": [], "total": 0}


@router.get("/workspaces/current/models/model-types/{model_type}")
async def list_models(model_type: str, kb: KB, scope: SearchScope) -> Record:
    """The embedding model of new datasets; no other models are told."""
    if model_type != "text-embedding":
        return {"data": []}
    name, properties = kb.embedders.configured, {"context_size": kb.embedder.max_tokens}
    model: Record = {"model": name, "label": {"en_US": name}, "model_type": model_type}
    model |= {"features": [], "fetch_from": "predefined-model", "model_properties": properties}
    model |= {"deprecated": False, "status": "active", "load_balancing_enabled": False}
    shown = {"provider": PROVIDER, "label": {"en_US": "Citewell"}, "status": "active"}
    return {"data": [shown | {"models": [model]}]}
