"""Dify's external knowledge API: a Dify installation searches a dataset here."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request

from api.deps import KB, SearchCaller
from api.dialects.dialect import Body
from api.dialects.dify.knowledge.metadata_conditions import MetadataConditions
from api.dialects.dify.wire.errors import KnowledgeNotFound
from api.dialects.originals import original_url, site_of
from api.resources.fields import Id, Text
from kb.errors import NotFound
from kb.types import Hit, Retrieval

router = APIRouter(tags=["external knowledge"])


class RetrievalSetting(Body):
    """How much is found, and how well it must fit."""

    top_k: Annotated[int, Field(ge=1, le=100)] = 8
    score_threshold: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None


class RetrievalRequest(Body):
    """A search in the knowledge of an id, which is the id of a dataset."""

    knowledge_id: Id
    query: Annotated[Text, Field(min_length=1, max_length=32_000)]
    retrieval_setting: RetrievalSetting = RetrievalSetting()
    metadata_condition: MetadataConditions | None = None


@router.post("/retrieval")
async def retrieve(
    body: RetrievalRequest, request: Request, kb: KB, caller: SearchCaller
) -> dict[str, Any]:
    """The passages that fit a question best, best first."""
    asked = body.retrieval_setting
    profile = Retrieval(top_k=asked.top_k, min_score=asked.score_threshold or 0.0)
    where = body.metadata_condition.to_conditions() if body.metadata_condition else ()
    search = (caller.scope, [body.knowledge_id], body.query, profile)
    try:
        found = await kb.search_threads.run(kb.searcher.search, *search, where=where)
    except NotFound as exc:
        raise KnowledgeNotFound(exc.detail) from exc
    return {"records": [_record(hit, site_of(request)) for hit in found.hits]}


def _record(hit: Hit, site: str) -> dict[str, Any]:
    chunk, page = hit.chunk, hit.chunk.spans[0].page
    return {
        "content": chunk.text,
        "score": hit.score,
        "title": hit.document_name,
        "metadata": {
            "document_id": chunk.document_id,
            "dataset_id": hit.dataset_id,
            "page": page,
            "heading": chunk.heading,
            "url": original_url(site, chunk.document_id, page),
        },
    }
