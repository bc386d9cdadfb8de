"""Conversations, their messages, and the passages that messages cite."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api import encoders, events, passages
from api.deps import KB, ChatCaller, Json, Paging
from api.routers.chat import of_user
from api.threads import read, write
from kb.store import apps, conversations

router = APIRouter(prefix="/v1", tags=["conversations"])

User = Annotated[str | None, Query(min_length=1, max_length=200)]


@router.get("/conversations")
async def list_conversations(
    kb: KB, caller: ChatCaller, page: Paging, app: str | None = None, user: User = None
) -> Json:
    """Conversations, oldest first; of one app or one user if named."""
    app_id = None if app is None else (await read(kb, apps.get, caller.scope, app)).id
    scope = of_user(caller.scope, user)
    found = await read(kb, conversations.page, scope, page, app_id=app_id)
    return encoders.listing(found, encoders.conversation)


@router.get("/conversations/{conversation_id}/messages")
async def list_messages(
    conversation_id: str, kb: KB, caller: ChatCaller, page: Paging, user: User = None
) -> Json:
    """The messages of a conversation, oldest first."""
    scope = of_user(caller.scope, user)
    found = await read(kb, conversations.messages_of, scope, conversation_id, page)
    full = caller.scope.may("admin")
    return encoders.listing(found, lambda message: events.message(message, full=full))


@router.delete("/conversations/{conversation_id}", status_code=204)
async def delete_conversation(
    conversation_id: str, kb: KB, caller: ChatCaller, user: User = None
) -> Response:
    """Delete a conversation with its messages."""
    await write(kb, conversations.remove, of_user(caller.scope, user), conversation_id)
    return Response(status_code=204)


@router.get("/messages/{message_id}/sources/{n}")
async def get_source(
    message_id: str,
    n: Annotated[int, Path(ge=1, le=1000)],
    kb: KB,
    caller: ChatCaller,
    user: User = None,
) -> Json:
    """A passage that a message may cite, with what stands around it."""
    return await read(kb, passages.passage, of_user(caller.scope, user), message_id, n)
