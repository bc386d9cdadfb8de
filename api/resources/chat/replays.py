"""Stored questions asked again, of another version. For admins."""

from __future__ import annotations

import json

from fastapi import APIRouter
from starlette.responses import Response

from api.deps import KB, AdminCaller, AdminScope, StreamDep
from api.idempotency import OnceDep
from api.resources.chat.chat import EVENTS
from api.resources.chat.requests import ReplayBody
from api.resources.chat.responses import AnswerResponse, MessageResponse
from api.resources.chat.run_stream import respond
from api.resources.response import ListResponse
from api.threads import read
from kb.store.apps import conversations

router = APIRouter(prefix="/v1/messages/{message_id}", tags=["chat"])


@router.post("/replay", response_model=AnswerResponse, responses=EVENTS)
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
    run = kb.chat.run(caller.scope, json.loads(first.body))
    return await respond(run, caller, stream, streamed=body.stream)


@router.get("/replays")
async def list_replays(message_id: str, kb: KB, scope: AdminScope) -> ListResponse[MessageResponse]:
    """The answers that other versions gave to a message's question, oldest first."""
    found = await read(kb, conversations.replays_of, scope, message_id)
    shown = tuple(MessageResponse.of(message, full=True) for message in found)
    return ListResponse(data=shown, next=None)
