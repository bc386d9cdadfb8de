"""/fine_tuning/jobs: for admin keys, as everything of fine-tuning."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Annotated

import anyio
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from api.deps import KB, AdminScope, StreamDep
from api.dialects.openai.retrieval.objects import Object
from api.dialects.openai.tuning.objects import checkpoint_object, event_object, job_object, seq_of
from api.dialects.openai.tuning.requests import JobBody
from api.http.sse import POLL_S, EventStream
from api.threads import in_thread, read
from kb.access import OpenStream
from kb.knowledge_base import KnowledgeBase
from kb.store.engine.paging import PageRequest
from kb.store.tuning import jobs
from kb.types import Scope
from tune.jobs import service

router = APIRouter(prefix="/fine_tuning/jobs", tags=["fine-tuning"])

Limit = Annotated[int, Query(ge=1, le=500)]
After = Annotated[str | None, Query(max_length=200)]


@router.post("")
async def create_job(body: JobBody, kb: KB, scope: AdminScope) -> Object:
    """Have a model fine-tuned."""
    return job_object(await in_thread(service.create, kb, scope, body.wanted()))


@router.get("")
async def list_jobs(
    request: Request, kb: KB, scope: AdminScope, limit: Limit = 20, after: After = None
) -> Object:
    """The jobs, newest first."""
    found = await read(kb, jobs.page, scope, PageRequest(limit, after))
    wanted = {
        name[9:-1]: value
        for name, value in request.query_params.items()
        if name.startswith("metadata[")
    }
    data = [job_object(job) for job in found.data if wanted.items() <= job.metadata.items()]
    return {"object": "list", "data": data, "has_more": found.next is not None}


@router.get("/{job_id}")
async def get_job(job_id: str, kb: KB, scope: AdminScope) -> Object:
    """One job."""
    return job_object(await read(kb, jobs.get, scope, job_id))


@router.post("/{job_id}/cancel")
async def cancel_job(job_id: str, kb: KB, scope: AdminScope) -> Object:
    """End a job."""
    return job_object(await in_thread(service.cancel, kb, scope, job_id))


@router.post("/{job_id}/pause")
async def pause_job(job_id: str, kb: KB, scope: AdminScope) -> Object:
    """Save where a job is, and let others have its turn."""
    return job_object(await in_thread(service.pause, kb, scope, job_id))


@router.post("/{job_id}/resume")
async def resume_job(job_id: str, kb: KB, scope: AdminScope) -> Object:
    """Let a paused job go on."""
    return job_object(await in_thread(service.resume, kb, scope, job_id))


@router.get("/{job_id}/events", response_model=None)
async def list_events(
    job_id: str,
    request: Request,
    kb: KB,
    scope: AdminScope,
    open_stream: StreamDep,
    limit: Limit = 20,
    after: After = None,
    stream: bool = False,
) -> Object | Response:
    """What happened, newest first; as a stream all of it, oldest first, until the job ends."""
    await read(kb, jobs.get, scope, job_id)
    if stream:
        return EventStream(_frames(kb, scope, job_id, request.state.closing, open_stream))
    asked = PageRequest(limit, None if after is None else seq_of(after))
    found = await read(kb, jobs.events_of, job_id, asked, newest_first=True)
    data = [event_object(event) for event in found.data]
    return {"object": "list", "data": data, "has_more": found.next is not None}


@router.get("/{job_id}/checkpoints")
async def list_checkpoints(
    job_id: str, kb: KB, scope: AdminScope, limit: Limit = 10, after: After = None
) -> Object:
    """What was saved on the way, newest first."""
    job = await read(kb, jobs.get, scope, job_id)
    happened = await read(kb, jobs.all_events, job_id, "message")
    saved = [event for event in reversed(happened) if "checkpoint" in event.data]
    if after is not None:
        saved = [event for event in saved if event.seq < int(seq_of(after))]
    data = [checkpoint_object(job, event) for event in saved[:limit]]
    ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {}
    return {"object": "list", "data": data, **ends, "has_more": len(saved) > limit}


async def _frames(
    kb: KnowledgeBase, scope: Scope, job_id: str, closing: anyio.Event, stream: OpenStream
) -> AsyncGenerator[bytes, None]:
    after = 0
    while True:
        job, events = await read(kb, jobs.since, scope, job_id, after)
        for event in events:
            after = event.seq
            yield f"data: {json.dumps(event_object(event))}\n\n".encode("ascii")
        if not events and job.status in jobs.ENDED:
            yield b"data: [DONE]\n\n"
            return
        with anyio.move_on_after(POLL_S):
            await closing.wait()
        if closing.is_set() or stream.is_revoked:
            return
