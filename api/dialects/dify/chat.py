"""Asking, stopping, and what people think of answers."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BeforeValidator, Field, StrictBool, StrictFloat, StrictInt
from starlette.responses import JSONResponse, Response

from api.deps import KB, ChatCaller, StreamDep
from api.dialects.dialect import EVENTS, Body, only_app
from api.dialects.dify.asking import User, UserBody, get_app, scope_of
from api.dialects.dify.message_events import PING, MessageEvents
from api.dialects.dify.wire.errors import NoFiles
from api.dialects.dify.wire.fields import SUCCESS
from api.http.sse import EventStream
from api.resources.chat.requests import EndUser, Remark
from api.resources.chat.run_stream import run_stream
from api.resources.fields import Id, Name, Text
from api.threads import read, write
from kb.chat.ask.question import MAX_QUERY_CHARACTERS, ChatRequest
from kb.errors import NotFound
from kb.store.apps import conversations, feedback

router = APIRouter(tags=["chat"])


class ChatBody(Body):
    """A question."""

    query: Annotated[Text, Field(min_length=1, max_length=MAX_QUERY_CHARACTERS)]
    inputs: dict[Name, StrictBool | StrictInt | StrictFloat | Text | None] | None = Field(
        None, max_length=50
    )
    user: EndUser
    response_mode: Literal["blocking", "streaming"] | None = None
    conversation_id: Annotated[Id | None, BeforeValidator(lambda value: value or None)] = None
    files: Annotated[list[Any] | None, Field(max_length=100)] = None

    def to_request(self) -> ChatRequest:
        """The question without what is null. Raises NoFiles."""
        if self.files:
            raise NoFiles("A question takes no `files` here: upload them to a dataset of the app.")
        given = {name: each for name, each in (self.inputs or {}).items() if each is not None}
        return ChatRequest(self.query, self.conversation_id, given, end_user=self.user)


class FeedbackBody(UserBody):
    """What somebody thinks of an answer; a null rating takes it back."""

    rating: Literal["like", "dislike"] | None = None
    content: Remark | None = None


@router.post("/chat-messages", responses=EVENTS)
async def chat(body: ChatBody, kb: KB, caller: ChatCaller, stream: StreamDep) -> Response:
    """Ask the app of the key. Who leaves a stream finds the answer in `/messages` later."""
    request = body.to_request()
    app = only_app(caller.scope) or (await get_app(kb, caller)).id
    run = await kb.chat.ask(scope_of(caller, body.user), app, request, caller.limits)
    events = MessageEvents(run, full=caller.scope.may("admin"))
    if body.response_mode == "streaming":
        return EventStream(run_stream(run, 0, stream, events), ping=PING)
    await run.read_along()
    return JSONResponse(events.whole(run.events))


@router.post("/chat-messages/{task_id}/stop")
async def stop(task_id: str, body: UserBody, kb: KB, caller: ChatCaller) -> dict[str, Any]:
    """End an answer; harmless when it has ended. That of somebody else is not found."""
    scope = scope_of(caller, body.user)
    with suppress(NotFound):
        (await kb.chat.run(scope, task_id)).stop()
        return SUCCESS
    await read(kb, conversations.message_of_run, scope, task_id)
    return SUCCESS


@router.post("/messages/{message_id}/feedbacks")
async def give_feedback(
    message_id: str, body: FeedbackBody, kb: KB, caller: ChatCaller
) -> dict[str, Any]:
    """Say what one thinks of an answer, or take it back."""
    scope = scope_of(caller, body.user)
    text = body.content or ""
    await write(kb, feedback.put, scope, message_id, rating=body.rating, text=text)
    return SUCCESS


@router.get("/messages/{message_id}/suggested")
async def suggested(
    message_id: str, kb: KB, caller: ChatCaller, user: User = None
) -> dict[str, Any]:
    """What may be asked next; nothing without a model."""
    found = await kb.chat.suggested(scope_of(caller, user), message_id, caller.limits)
    return {**SUCCESS, "data": list(found)}
