"""How far an upload has come."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query
from sse_starlette import EventSourceResponse
from starlette.requests import Request

from api import encoders, sse
from api.batch_events import batch_stream
from api.deps import KB, IngestScope, Json
from api.threads import read
from kb.store import batches

router = APIRouter(prefix="/v1/batches", tags=["batches"])

EventNumber = Annotated[int | None, Query(ge=0, le=1_000_000_000)]
LastEventId = Annotated[int | None, Header(ge=0, le=1_000_000_000)]


@router.get("/{batch_id}")
async def get_batch(batch_id: str, kb: KB, scope: IngestScope) -> Json:
    """A batch with the present state of its documents."""
    return encoders.batch(await read(kb, batches.get, scope, batch_id))


@router.get("/{batch_id}/events", response_class=EventSourceResponse)
async def batch_events(
    batch_id: str,
    request: Request,
    kb: KB,
    scope: IngestScope,
    after: EventNumber = None,
    last_event_id: LastEventId = None,
) -> EventSourceResponse:
    """Events `document` and `progress`, at last `batch.completed`."""
    batch = await read(kb, batches.get, scope, batch_id)
    start = last_event_id if last_event_id is not None else after or 0
    closing = request.state.closing
    return sse.event_stream(batch_stream(kb, scope, batch, after=start, closing=closing))
