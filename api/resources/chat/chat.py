"""Questions and answers: an answer is a run, and HTTP only reads along."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from functools import partial

from fastapi import APIRouter
from sse_starlette import EventSourceResponse
from starlette.responses import Response

from api.deps import KB, AdminCaller, AdminScope, ChatCaller, StreamDep, StreamStart, User, on_day
from api.http import sse
from api.idempotency import REPLAYED, OnceDep
from api.resources.chat.requests import ChatBody, ReplayBody
from api.resources.chat.responses import AnswerResponse, MessageResponse, RunResponse
from api.resources.chat.run_stream import respond, run_frames, run_stream
from api.resources.response import ListResponse, json_response
from api.threads import read
from kb.access import Caller
from kb.chat.run.run import Run
from kb.errors import NotFound
from kb.knowledge_base import KnowledgeBase
from kb.store.apps import conversations
from kb.types import Message, Scope

router = APIRouter(prefix="/v1", tags=["chat"])

EVENTS = sse.streamed("RunEvents")


@router.post("/apps/{app}/chat", response_model=AnswerResponse | RunResponse, responses=EVENTS)
async def chat(
    app: str, body: ChatBody, kb: KB, caller: ChatCaller, once: OnceDep, stream: StreamDep
) -> Response:
    """Ask an app. Searching comes before the first byte, so its failures keep their status.

    A repetition under the same `Idempotency-Key` reads the first run instead of asking again, and
    its stored answer as JSON once the events are forgotten. A run lost in a crash is asked anew.
    """
    scope = of_user(on_day(caller, body.on), body.user)
    full = _is_full(caller)

    async def begin() -> str:
        return (await kb.chat.ask(scope, app, body.to_request(), caller.limits)).run_id

    async def is_there(run_id: str) -> bool:
        return await _found(kb, scope, run_id) is not None

    first, is_replayed = await once.first(200, begin, is_there=is_there)
    run = await _found(kb, scope, json.loads(first.body))
    if run is None:
        raise NotFound("run", json.loads(first.body))
    if isinstance(run, Message):
        return json_response(RunResponse.stored(run, full=full), headers={REPLAYED: "true"})
    answer = await respond(run, caller, stream, streamed=body.stream)
    if is_replayed:
        answer.headers[REPLAYED] = "true"
    return answer


@router.get("/runs/{run_id}")
async def get_run(run_id: str, kb: KB, caller: ChatCaller, user: User = None) -> RunResponse:
    """A run: as much of the answer as there is, or how it ended."""
    full, scope = _is_full(caller), of_user(caller.scope, user)
    run = await _found(kb, scope, run_id)
    if run is None:
        raise NotFound("run", run_id)
    if isinstance(run, Message):
        return RunResponse.stored(run, full=full)
    return RunResponse.of(run, full=full)


@router.get(
    "/runs/{run_id}/events",
    response_class=EventSourceResponse,
    responses=EVENTS | {204: {"description": "Nothing is left to come"}},
)
async def run_events(
    run_id: str,
    kb: KB,
    caller: ChatCaller,
    stream: StreamDep,
    start: StreamStart,
    user: User = None,
) -> Response:
    """The events of a run from behind `after`; 204 when there is nothing left to come."""
    run = await kb.chat.run(of_user(caller.scope, user), run_id)
    if run.terminal is not None and start >= run.last:
        return Response(status_code=204)
    return sse.EventStream(
        run_stream(run, start, stream, partial(run_frames, full=_is_full(caller)))
    )


@router.post("/runs/{run_id}/stop", status_code=202)
async def stop_run(run_id: str, kb: KB, caller: ChatCaller, user: User = None) -> RunResponse:
    """End a run; what is written so far is kept. Harmless when it has ended."""
    run = await kb.chat.run(of_user(caller.scope, user), run_id)
    run.stop()
    return RunResponse.of(run, full=_is_full(caller))


def of_user(scope: Scope, user: str | None) -> Scope:
    """The scope narrowed to one end user, if one is named; a narrowed scope stays as it is."""
    return scope if user is None or scope.end_user is not None else replace(scope, end_user=user)


@router.post("/messages/{message_id}/replay", response_model=AnswerResponse, responses=EVENTS)
async def replay(
    message_id: str,
    body: ReplayBody,
    kb: KB,
    caller: AdminCaller,
    once: OnceDep,
    stream: StreamDep,
) -> Response:
    """Ask the same question with the same inputs and history, and another version.

    The answer is a run like any other. It is kept apart: in a conversation of its own that only
    admins see and that no list shows, and deleted with the message.
    """

    async def begin() -> str:
        asked = (caller.scope, message_id, body.version, caller.limits)
        return (await kb.chat.replay(*asked, route=body.route)).run_id

    first, _ = await once.first(200, begin)
    run = await kb.chat.run(caller.scope, json.loads(first.body))
    return await respond(run, caller, stream, streamed=body.stream)


@router.get("/messages/{message_id}/replays")
async def list_replays(message_id: str, kb: KB, scope: AdminScope) -> ListResponse[MessageResponse]:
    """The answers that other versions gave to a message's question, oldest first."""
    found = await read(kb, conversations.replays_of, scope, message_id)
    shown = tuple(MessageResponse.of(message, full=True) for message in found)
    return ListResponse(data=shown, next=None)


async def _found(kb: KnowledgeBase, scope: Scope, run_id: str) -> Run | Message | None:
    """A run, or what it has left behind; None for one that was lost, or cannot be seen."""
    try:
        return await kb.chat.run(scope, run_id)
    except NotFound:
        with suppress(NotFound):
            return await read(kb, conversations.message_of_run, scope, run_id)
    return None


def _is_full(caller: Caller) -> bool:
    return caller.scope.may("admin")
