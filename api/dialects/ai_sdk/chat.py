"""POST /{app}/chat, and what stands below it: the chat itself, its stream again, and stop."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api.deps import KB, ChatCaller, StreamDep, User
from api.dialects.ai_sdk.chats import ask, external_id, kept
from api.dialects.ai_sdk.chunks import UiChunks
from api.dialects.ai_sdk.parts import question, ui_messages
from api.dialects.ai_sdk.requests import StopBody, UiChatBody
from api.dialects.dialect import EVENTS
from api.dialects.originals import site_of
from api.http.sse import EventStream
from api.resources.chat.chat import of_user
from api.resources.chat.run_stream import run_stream
from api.threads import read
from kb.access import Caller, OpenStream
from kb.chat.run.run import Run

router = APIRouter(prefix="/{app}/chat", tags=["chat"])

VERSION = {"x-vercel-ai-ui-message-stream": "v1"}


@router.post("", responses=EVENTS)
async def send_message(
    app: str, body: UiChatBody, request: Request, kb: KB, caller: ChatCaller, stream: StreamDep
) -> Response:
    """Answer the last message of the user; the stream goes on when its reader has left."""
    scope = of_user(caller.scope, body.user)
    turns = kb.access.turns
    asking = turns.of("chat", scope.key_id, scope.end_user, body.id) if body.id else nullcontext()
    async with asking:
        run = await ask(kb, caller, scope, app, body)
    return _events(run, request, caller, stream)


@router.get("/{chat_id}")
async def read_chat(
    app: str, chat_id: str, request: Request, kb: KB, caller: ChatCaller, user: User = None
) -> dict[str, Any]:
    """The chat's last messages, oldest first; last the question whose answer is in progress."""
    scope = of_user(caller.scope, user)
    chat = await external_id(kb, scope, app, chat_id)
    run = await kb.chat.run_under(scope, chat)
    found = await read(kb, kept, scope, chat)
    site, full = site_of(request), caller.scope.may("admin")
    messages = [part for each in found for part in ui_messages(each, site, full=full)]
    if run is not None and run.run_id not in {each.run_id for each in found}:
        messages.append(question(run.run_id, run.identity.query))
    return {"messages": messages}


@router.get("/{chat_id}/stream", responses=EVENTS | {204: {"description": "Nothing is written"}})
async def resume_stream(
    app: str,
    chat_id: str,
    request: Request,
    kb: KB,
    caller: ChatCaller,
    stream: StreamDep,
    user: User = None,
) -> Response:
    """The answer in progress, from its first chunk on; 204 when there is none."""
    scope = of_user(caller.scope, user)
    run = await kb.chat.run_under(scope, await external_id(kb, scope, app, chat_id))
    return Response(status_code=204) if run is None else _events(run, request, caller, stream)


@router.post("/{chat_id}/stop", status_code=204)
async def stop_stream(
    app: str,
    chat_id: str,
    kb: KB,
    caller: ChatCaller,
    body: StopBody | None = None,
    user: User = None,
) -> Response:
    """End the answer in progress and keep what is written; harmless when there is none."""
    scope = of_user(caller.scope, user)
    run = await kb.chat.run_under(scope, await external_id(kb, scope, app, chat_id))
    if run is not None and (body is None or body.runId in (None, run.run_id)):
        run.stop()
    return Response(status_code=204)


def _events(run: Run, request: Request, caller: Caller, stream: OpenStream) -> Response:
    chunks = UiChunks(site_of(request), full=caller.scope.may("admin"))
    answer = EventStream(run_stream(run, 0, stream, chunks))
    answer.headers.update(VERSION)
    return answer
