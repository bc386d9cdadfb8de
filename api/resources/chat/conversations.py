"""Conversations, their messages, and the passages that messages cite."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from api.deps import KB, ChatCaller, Json, Paging, User
from api.resources import encoders
from api.resources.apps import responses as app_responses
from api.resources.chat import passages, responses
from api.resources.chat.chat import of_user
from api.resources.chat.requests import NewName
from api.threads import read, write
from kb.store.apps import apps, conversations, feedback
from kb.store.engine.database import Transaction
from kb.store.engine.paging import Listing, PageRequest
from kb.types import Feedback, Message, Scope

router = APIRouter(prefix="/v1", tags=["conversations"])


@router.get("/conversations")
async def list_conversations(
    kb: KB, caller: ChatCaller, page: Paging, app: str | None = None, user: User = None
) -> Json:
    """Conversations, newest first; of one app or one user if named."""
    app_id = None if app is None else (await read(kb, apps.get, caller.scope, app)).id
    scope = of_user(caller.scope, user)
    found = await read(kb, conversations.page, scope, page, app_id=app_id)
    return encoders.listing(found, encoders.conversation)


@router.get("/conversations/{conversation_id}")
async def get_conversation(
    conversation_id: str, kb: KB, caller: ChatCaller, user: User = None
) -> Json:
    """One conversation."""
    scope = of_user(caller.scope, user)
    return encoders.conversation(await read(kb, conversations.get, scope, conversation_id))


@router.patch("/conversations/{conversation_id}")
async def rename_conversation(
    conversation_id: str, body: NewName, kb: KB, caller: ChatCaller, user: User = None
) -> Json:
    """Give a conversation another name; the first one is its first question."""
    scope = of_user(caller.scope, user)
    renamed = await write(kb, conversations.rename, scope, conversation_id, body.name)
    return encoders.conversation(renamed)


@router.get("/conversations/{conversation_id}/messages")
async def list_messages(
    conversation_id: str, kb: KB, caller: ChatCaller, page: Paging, user: User = None
) -> Json:
    """The messages of a conversation, oldest first."""
    scope = of_user(caller.scope, user)
    found, said = await read(kb, _with_feedback, scope, conversation_id, page)
    full = caller.scope.may("admin")

    def encode(message: Message) -> Json:
        opinion = app_responses.feedback(said.get(message.id))
        return {**responses.message(message, full=full), "feedback": opinion}

    return encoders.listing(found, encode)


@router.delete("/conversations/{conversation_id}", status_code=204)
async def delete_conversation(
    conversation_id: str, kb: KB, caller: ChatCaller, user: User = None
) -> Response:
    """Delete a conversation with its messages."""
    await write(kb, conversations.remove, of_user(caller.scope, user), conversation_id)
    return Response(status_code=204)


@router.get("/messages/{message_id}/suggested")
async def suggested_questions(
    message_id: str, kb: KB, caller: ChatCaller, user: User = None
) -> Json:
    """What may be asked next, as the app's model sees it; nothing without a model."""
    found = await kb.chat.suggested(of_user(caller.scope, user), message_id, caller.limits)
    return {"data": list(found), "next": None}


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


def _with_feedback(
    tx: Transaction, scope: Scope, conversation_id: str, page: PageRequest
) -> tuple[Listing[Message], dict[str, Feedback]]:
    found = conversations.messages_of(tx, scope, conversation_id, page)
    ids = [message.id for message in found.data]
    return found, feedback.of_messages(tx, feedback.source_of(scope), ids)
