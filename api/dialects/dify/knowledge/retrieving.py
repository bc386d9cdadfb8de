"""Searching a dataset, which Dify calls hit testing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field

from api.deps import KB, SearchCaller
from api.dialects.dialect import Body
from api.dialects.dify.knowledge.metadata_conditions import MetadataConditions
from api.dialects.dify.knowledge.records import segment_record
from api.resources.fields import Text
from api.threads import read
from kb.errors import Rejected
from kb.store.content import documents
from kb.types import Document, Hit, Retrieval, SearchMode

router = APIRouter(prefix="/datasets/{dataset_id}", tags=["datasets"])

MODES: Mapping[str, SearchMode] = {
    "hybrid_search": "hybrid",
    "semantic_search": "vector",
    "full_text_search": "keyword",
    "keyword_search": "keyword",
}


class RetrievalModel(Body):
    """How a search is made. There are no weights here: two rankings are fused by their places."""

    search_method: (
        Literal["hybrid_search", "semantic_search", "full_text_search", "keyword_search"] | None
    ) = None
    reranking_enable: bool | None = None
    reranking_mode: Literal["reranking_model", "weighted_score"] | None = None
    top_k: Annotated[int, Field(ge=1, le=100)] | None = None
    score_threshold_enabled: bool | None = None
    score_threshold: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    metadata_filtering_conditions: MetadataConditions | None = None

    def to_retrieval(self) -> Retrieval:
        """The same with our names."""
        least = self.score_threshold if self.score_threshold_enabled else None
        return Retrieval(
            top_k=self.top_k or 4,
            mode=MODES[self.search_method or "hybrid_search"],
            min_score=least or 0.0,
            rerank=self.reranking_enable is not False and self.reranking_mode != "weighted_score",
        )


class SearchBody(Body):
    """A search."""

    query: Annotated[Text, Field(min_length=1, max_length=32_000)]
    retrieval_model: RetrievalModel | None = None
    attachment_ids: Annotated[tuple[Any, ...] | None, Field(max_length=100)] = None


@router.post("/retrieve")
@router.post("/hit-testing")
async def retrieve(
    dataset_id: str, body: SearchBody, kb: KB, caller: SearchCaller
) -> dict[str, Any]:
    """The passages that fit a question best, best first."""
    if body.attachment_ids:
        raise Rejected("Searches are by text here. Leave `attachment_ids` out.")
    asked = body.retrieval_model or RetrievalModel()
    conditions = asked.metadata_filtering_conditions
    where = conditions.to_conditions() if conditions else ()
    search = (caller.scope, [dataset_id], body.query, asked.to_retrieval())
    found = await kb.search_threads.run(kb.searcher.search, *search, where=where)
    ids = [hit.chunk.document_id for hit in found.hits]
    owners = await read(kb, documents.of_ids, caller.scope, ids)
    records = [
        _record(hit, owners[hit.chunk.document_id])
        for hit in found.hits
        if hit.chunk.document_id in owners
    ]
    return {"query": {"content": body.query}, "records": records}


def _record(hit: Hit, document: Document) -> dict[str, Any]:
    owner = {
        "id": document.id,
        "data_source_type": "upload_file",
        "name": document.name,
        "doc_type": None,
        "doc_metadata": dict(document.metadata) or None,
    }
    return {
        "segment": segment_record(hit.chunk, document) | {"document": owner},
        "child_chunks": [],
        "score": hit.score,
        "tsne_position": None,
        "files": [],
        "summary": None,
    }
