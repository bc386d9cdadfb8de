"""Searching a dataset: hit testing, and as external knowledge of a Dify installation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request

from api.deps import KB, SearchCaller
from api.dialects.dialect import Body
from api.dialects.dify.knowledge.metadata_conditions import MetadataConditions
from api.dialects.dify.knowledge.places import InDataset
from api.dialects.dify.knowledge.records import Record, segment_record
from api.dialects.dify.wire.errors import KnowledgeNotFound
from api.dialects.originals import original_url, site_of
from api.resources.fields import Id, Text
from api.threads import read
from kb.errors import NotFound, Rejected
from kb.store.content import documents
from kb.types import Document, Hit, Retrieval, SearchMode

router = APIRouter(prefix="/datasets/{dataset_id}", tags=["datasets"])
external = APIRouter(tags=["external knowledge"])

Query = Annotated[Text, Field(min_length=1, max_length=32_000)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Method = Literal["hybrid_search", "semantic_search", "full_text_search", "keyword_search"]

MODES: Mapping[Method | None, SearchMode] = {
    "semantic_search": "vector",
    "full_text_search": "keyword",
    "keyword_search": "keyword",
}


class RetrievalModel(Body):
    """How a search is made. There are no weights here: two rankings are fused by their places."""

    search_method: Method | None = None
    reranking_enable: bool | None = None
    reranking_mode: Literal["reranking_model", "weighted_score"] | None = None
    top_k: Annotated[int, Field(ge=1, le=100)] | None = None
    score_threshold_enabled: bool | None = None
    score_threshold: Share | None = None
    metadata_filtering_conditions: MetadataConditions | None = None

    def to_retrieval(self) -> Retrieval:
        """The same with our names."""
        least = self.score_threshold if self.score_threshold_enabled else None
        rerank = self.reranking_enable is not False and self.reranking_mode != "weighted_score"
        mode = MODES.get(self.search_method, "hybrid")
        return Retrieval(self.top_k or 4, mode, min_score=least or 0.0, rerank=rerank)


class SearchBody(Body):
    """A search."""

    query: Query
    retrieval_model: RetrievalModel | None = None
    attachment_ids: Annotated[tuple[Any, ...] | None, Field(max_length=100)] = None


@router.post("/retrieve")
@router.post("/hit-testing")
async def retrieve(body: SearchBody, at: InDataset) -> Record:
    """The passages that fit a question best, best first."""
    if body.attachment_ids:
        raise Rejected("Searches are by text here. Leave `attachment_ids` out.")
    asked = body.retrieval_model or RetrievalModel()
    conditions = asked.metadata_filtering_conditions
    where = conditions.to_conditions() if conditions else ()
    search = (at.scope, [at.dataset.id], body.query, asked.to_retrieval())
    hits = (await at.kb.search_threads.run(at.kb.searcher.search, *search, where=where)).hits
    ids = [hit.chunk.document_id for hit in hits]
    owners = await read(at.kb, documents.of_ids, at.scope, ids)
    found = [_record(hit, owners[own]) for hit, own in zip(hits, ids, strict=True) if own in owners]
    return {"query": {"content": body.query}, "records": found}


def _record(hit: Hit, document: Document) -> Record:
    owner: Record = {"id": document.id, "name": document.name, "data_source_type": "upload_file"}
    owner |= {"doc_type": None, "doc_metadata": dict(document.metadata) or None}
    nothing: Record = {"child_chunks": [], "files": [], "tsne_position": None, "summary": None}
    segment = segment_record(hit.chunk, document) | {"document": owner}
    return {"segment": segment, "score": hit.score, **nothing}


class RetrievalSetting(Body):
    """How much is found, and how well it must fit."""

    top_k: Annotated[int, Field(ge=1, le=100)] = 8
    score_threshold: Share | None = None


class RetrievalRequest(Body):
    """A search in the knowledge of an id, which is the id of a dataset."""

    knowledge_id: Id
    query: Query
    retrieval_setting: RetrievalSetting = RetrievalSetting()
    metadata_condition: MetadataConditions | None = None


@external.post("/retrieval")
async def retrieve_external(
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
    return {"records": [_external(hit, site_of(request)) for hit in found.hits]}


def _external(hit: Hit, site: str) -> dict[str, Any]:
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
