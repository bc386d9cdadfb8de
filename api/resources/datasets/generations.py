"""Re-indexing beside: building a dataset's next generation, switching to it, and going back."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from sse_starlette import EventSourceResponse
from starlette.requests import Request
from starlette.responses import Response

from api.deps import KB, AdminScope, IngestScope, Readers, StreamDep, StreamStart
from api.http import sse
from api.http.sse import Event
from api.idempotency import OnceDep
from api.resources.datasets.requests import ReindexBody, SwitchBody
from api.resources.datasets.responses import (
    DatasetResponse,
    FailedDocument,
    GenerationProgress,
    GenerationResponse,
)
from api.resources.response import ListResponse
from api.threads import in_thread
from kb.knowledge_base import KnowledgeBase
from kb.types import Dataset, GenerationCounts, Scope

GenerationEvents = (
    Event[Literal["progress"], GenerationProgress]
    | Event[Literal["generation.ready"], GenerationResponse]
)

router = APIRouter(prefix="/v1/datasets/{dataset_id}", tags=["generations"])

Number = Annotated[int, Path(ge=1, le=1_000_000_000)]


async def building_progress(
    kb: KnowledgeBase, scope: Scope, dataset_id: str, number: int
) -> sse.Looks:
    """Events `progress` for what has changed, at last `generation.ready`."""
    told: GenerationCounts | None = None
    while True:
        generation, counts = await in_thread(kb.reindexing.look, scope, dataset_id, number)
        events: list[tuple[str, Any]] = []
        if counts != told:
            events.append(("progress", GenerationProgress.model_validate(counts)))
        if generation.status != "building":
            events.append(("generation.ready", GenerationResponse.of((generation, counts))))
        told = counts
        yield events


@router.post("/reindex", status_code=202, response_model=GenerationResponse)
async def reindex(
    dataset_id: str, body: ReindexBody, kb: KB, readers: Readers, scope: AdminScope, once: OnceDep
) -> Response:
    """Build the next generation beside; the present one answers meanwhile."""

    async def create() -> GenerationResponse:
        if body.processing is not None:
            await body.processing.check(readers)
        processing = None if body.processing is None else body.processing.to_processing()
        made = await in_thread(
            kb.reindexing.begin, scope, dataset_id, processing=processing, model=body.embedder
        )
        found = await in_thread(kb.reindexing.look, scope, dataset_id, made.number)
        return GenerationResponse.of(found)

    return await once(create)


@router.get("/generations")
async def list_generations(
    dataset_id: str, kb: KB, scope: IngestScope
) -> ListResponse[GenerationResponse]:
    """The generations of a dataset, oldest first."""
    found = await in_thread(kb.reindexing.every, scope, dataset_id)
    return ListResponse(data=tuple(map(GenerationResponse.of, found)), next=None)


@router.get("/generations/{number}")
async def get_generation(
    dataset_id: str, number: Number, kb: KB, scope: IngestScope
) -> GenerationResponse:
    """One generation, with the documents that it could not take in."""
    found = await in_thread(kb.reindexing.look, scope, dataset_id, number)
    failures = await in_thread(kb.reindexing.failures, scope, dataset_id, number)
    listed = tuple(
        FailedDocument(document_id=document_id, name=name, error=error)
        for document_id, name, error in failures
    )
    return GenerationResponse.of(found).model_copy(update={"failures": listed})


@router.get(
    "/generations/{number}/events",
    response_class=EventSourceResponse,
    responses=sse.streamed("GenerationEvents"),
)
async def generation_events(
    dataset_id: str,
    number: Number,
    request: Request,
    kb: KB,
    scope: IngestScope,
    stream: StreamDep,
    start: StreamStart,
) -> sse.EventStream:
    """Events `progress`, at last `generation.ready`."""
    await in_thread(kb.reindexing.look, scope, dataset_id, number)
    return sse.progress_stream(
        building_progress(kb, scope, dataset_id, number),
        terminal="generation.ready",
        after=start,
        closing=request.state.closing,
        stream=stream,
    )


@router.delete("/generations/{number}", status_code=204)
async def remove_generation(dataset_id: str, number: Number, kb: KB, scope: AdminScope) -> Response:
    """Remove a generation that does not answer; one that is being built is given up."""
    await in_thread(kb.reindexing.remove, scope, dataset_id, number)
    return Response(status_code=204)


@router.post("/switch", response_model=DatasetResponse)
async def switch(dataset_id: str, body: SwitchBody, kb: KB, scope: AdminScope) -> Dataset:
    """Let another generation answer, from one search to the next."""
    return await in_thread(kb.reindexing.switch, scope, dataset_id, body.generation)


@router.post("/rollback", response_model=DatasetResponse)
async def roll_back(dataset_id: str, kb: KB, scope: AdminScope) -> Dataset:
    """Let the generation answer again that did before."""
    return await in_thread(kb.reindexing.roll_back, scope, dataset_id)
