"""How far an upload has come, and pausing, resuming, cancelling and retrying it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from sse_starlette import EventSourceResponse
from starlette.requests import Request

from api.deps import KB, IngestScope, Json, StreamDep, WorkerDep
from api.http import sse
from api.resources import encoders
from api.resources.datasets.batch_stream import batch_stream
from api.threads import read, write
from kb.store.engine.database import Transaction
from kb.store.engine.paging import PageRequest
from kb.store.work import batch_control, batches
from kb.store.work.batches import LISTED
from kb.types import DocumentStatus, Scope

router = APIRouter(prefix="/v1/batches", tags=["batches"])

EventNumber = Annotated[int | None, Query(ge=0, le=1_000_000_000)]
LastEventId = Annotated[int | None, Header(ge=0, le=1_000_000_000)]


async def get_batch_page(
    limit: Annotated[int, Query(ge=0, le=LISTED)] = LISTED,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> PageRequest:
    """Which documents of a batch are asked for; with `limit=0` none, only the numbers."""
    return PageRequest(limit, cursor)


BatchPage = Annotated[PageRequest, Depends(get_batch_page)]


@router.get("/{batch_id}")
async def get_batch(
    batch_id: str,
    kb: KB,
    scope: IngestScope,
    page: BatchPage,
    status: DocumentStatus | None = None,
) -> Json:
    """How far a batch has come, and its documents in parts, by status if that is given."""
    return encoders.batch(await read(kb, batches.get, scope, batch_id, page, status=status))


@router.get("/{batch_id}/events", response_class=EventSourceResponse)
async def batch_events(
    batch_id: str,
    request: Request,
    kb: KB,
    scope: IngestScope,
    stream: StreamDep,
    after: EventNumber = None,
    last_event_id: LastEventId = None,
) -> EventSourceResponse:
    """Events `document` and `progress`, at last `batch.completed`."""
    await read(kb, batches.row_of, scope, batch_id)
    start = last_event_id if last_event_id is not None else after or 0
    closing = request.state.closing
    frames = batch_stream(kb, scope, batch_id, after=start, closing=closing, stream=stream)
    return sse.event_stream(frames)


@router.post("/{batch_id}/pause")
async def pause_batch(batch_id: str, kb: KB, scope: IngestScope) -> Json:
    """Begin no further document; those in work are finished."""
    return await write(kb, _changed, batch_control.pause, scope, batch_id)


@router.post("/{batch_id}/resume")
async def resume_batch(batch_id: str, kb: KB, scope: IngestScope, worker: WorkerDep) -> Json:
    """Go on with a paused batch."""
    changed = await write(kb, _changed, batch_control.resume, scope, batch_id)
    if worker is not None:
        worker.notify()
    return changed


@router.post("/{batch_id}/cancel")
async def cancel_batch(batch_id: str, kb: KB, scope: IngestScope) -> Json:
    """Give up what is not indexed yet; a document that was being replaced keeps its old version."""
    return await write(kb, _changed, batch_control.cancel, scope, batch_id)


@router.post("/{batch_id}/retry")
async def retry_batch(batch_id: str, kb: KB, scope: IngestScope, worker: WorkerDep) -> Json:
    """Index the failed documents again."""
    changed = await write(kb, _changed, batch_control.retry, scope, batch_id)
    if worker is not None:
        worker.notify()
    return changed


def _changed(
    tx: Transaction,
    change: Callable[[Transaction, Scope, str], object],
    scope: Scope,
    batch_id: str,
) -> Json:
    change(tx, scope, batch_id)
    return encoders.batch(batches.get(tx, scope, batch_id))
