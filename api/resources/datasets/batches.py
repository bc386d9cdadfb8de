"""How far an upload has come, and pausing, resuming, cancelling and retrying it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from sse_starlette import EventSourceResponse
from starlette.requests import Request

from api.deps import KB, IngestScope, StreamDep, StreamStart
from api.http import sse
from api.http.sse import Event
from api.resources.datasets.responses import BatchResponse, ProgressResponse
from api.threads import read, write
from kb.iteration import batched
from kb.knowledge_base import KnowledgeBase
from kb.store.engine.database import VARIABLES, Transaction
from kb.store.engine.paging import PageRequest
from kb.store.work import batch_control, batches
from kb.store.work.batches import LISTED, Batch, BatchItem
from kb.types import DocumentStatus, Scope

BatchEvents = (
    Event[Literal["document"], BatchItem]
    | Event[Literal["progress"], ProgressResponse]
    | Event[Literal["batch.completed"], BatchResponse]
)

router = APIRouter(prefix="/v1/batches", tags=["batches"])


async def batch_progress(kb: KnowledgeBase, scope: Scope, batch_id: str) -> sse.Looks:
    """Events `document` and `progress` for what has changed, at last `batch.completed`."""
    seen: dict[str, DocumentStatus] = {}
    told: ProgressResponse | None = None
    while True:
        batch, changed = await read(kb, _changes, scope, batch_id, seen)
        events: list[tuple[str, Any]] = [("document", item) for item in changed]
        progress = ProgressResponse.model_validate(batch)
        if progress != told:
            events.append(("progress", progress))
        if batch.is_completed:
            events.append(("batch.completed", BatchResponse.model_validate(batch)))
        told = progress
        yield events


def _changes(
    tx: Transaction, scope: Scope, batch_id: str, seen: dict[str, DocumentStatus]
) -> tuple[Batch, list[BatchItem]]:
    found = batches.get(tx, scope, batch_id, PageRequest(0))
    if found.is_completed:
        found = batches.get(tx, scope, batch_id)
    states = batches.states(tx, scope, batch_id)
    changed = sorted(key for key, status in states.items() if seen.get(key) != status)
    seen.update(states)
    parts = batched(changed, VARIABLES)
    return found, [item for part in parts for item in batches.some(tx, scope, batch_id, part)]


async def get_batch_page(
    limit: Annotated[int, Query(ge=0, le=LISTED)] = LISTED,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> PageRequest:
    """Which documents of a batch are asked for; with `limit=0` none, only the numbers."""
    return PageRequest(limit, cursor)


BatchPage = Annotated[PageRequest, Depends(get_batch_page)]


@router.get("/{batch_id}", response_model=BatchResponse)
async def get_batch(
    batch_id: str,
    kb: KB,
    scope: IngestScope,
    page: BatchPage,
    status: DocumentStatus | None = None,
) -> Batch:
    """How far a batch has come, and its documents in parts, by status if that is given."""
    return await read(kb, batches.get, scope, batch_id, page, status=status)


@router.get(
    "/{batch_id}/events",
    response_class=EventSourceResponse,
    responses=sse.streamed("BatchEvents"),
)
async def batch_events(
    batch_id: str,
    request: Request,
    kb: KB,
    scope: IngestScope,
    stream: StreamDep,
    start: StreamStart,
) -> sse.EventStream:
    """Events `document` and `progress`, at last `batch.completed`."""
    await read(kb, batches.row_of, scope, batch_id)
    return sse.progress_stream(
        batch_progress(kb, scope, batch_id),
        terminal="batch.completed",
        after=start,
        closing=request.state.closing,
        stream=stream,
    )


@router.post("/{batch_id}/pause", response_model=BatchResponse)
async def pause_batch(batch_id: str, kb: KB, scope: IngestScope) -> Batch:
    """Begin no further document; those in work are finished."""
    return await write(kb, _changed, batch_control.pause, scope, batch_id)


@router.post("/{batch_id}/resume", response_model=BatchResponse)
async def resume_batch(batch_id: str, kb: KB, scope: IngestScope) -> Batch:
    """Go on with a paused batch."""
    return await write(kb, _changed, batch_control.resume, scope, batch_id)


@router.post("/{batch_id}/cancel", response_model=BatchResponse)
async def cancel_batch(batch_id: str, kb: KB, scope: IngestScope) -> Batch:
    """Give up what is not indexed yet; a document that was being replaced keeps its old version."""
    return await write(kb, _changed, batch_control.cancel, scope, batch_id)


@router.post("/{batch_id}/retry", response_model=BatchResponse)
async def retry_batch(batch_id: str, kb: KB, scope: IngestScope) -> Batch:
    """Index the failed documents again."""
    return await write(kb, _changed, batch_control.retry, scope, batch_id)


def _changed(
    tx: Transaction,
    change: Callable[[Transaction, Scope, str], object],
    scope: Scope,
    batch_id: str,
) -> Batch:
    change(tx, scope, batch_id)
    return batches.get(tx, scope, batch_id)
