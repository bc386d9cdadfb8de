"""Conversations, their messages, and the passages that messages cite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.responses import Response

from api.deps import KB, ChatCaller, Paging, User
from api.resources.chat.chat import of_user
from api.resources.chat.requests import NewName
from api.resources.chat.responses import (
    ConversationResponse,
    MessageResponse,
    PassageResponse,
    SuggestedQuestions,
)
from api.resources.response import ListResponse
from api.threads import read, write
from kb.apps import passages
from kb.store.apps import apps, conversations, feedback
from kb.store.engine.database import Transaction
from kb.store.engine.paging import Listing, PageRequest
from kb.types import Conversation, Feedback, Message, Rating, Scope

router = APIRouter(prefix="/v1", tags=["conversations"])


@router.get("/conversations", response_model=ListResponse[ConversationResponse])
async def list_conversations(
    kb: KB,
    caller: ChatCaller,
    page: Paging,
    app: str | None = None,
    user: User = None,
    rating: Rating | None = None,
    refused: bool = False,
) -> Listing[Conversation]:
    """Conversations, newest first: of one app or user, and with an answer judged so or refused."""
    app_id = None if app is None else (await read(kb, apps.get, caller.scope, app)).id
    scope = of_user(caller.scope, user)
    wanted = partial(conversations.page, app_id=app_id, rating=rating, refused=refused)
    return await read(kb, wanted, scope, page)


@router.get("/conversations/{conversation_id}", response_model=ConversationResponse)
async def get_conversation(
    conversation_id: str, kb: KB, caller: ChatCaller, user: User = None
) -> Conversation:
    """One conversation."""
    return await read(kb, conversations.get, of_user(caller.scope, user), conversation_id)


@router.patch("/conversations/{conversation_id}", response_model=ConversationResponse)
async def rename_conversation(
    conversation_id: str, body: NewName, kb: KB, caller: ChatCaller, user: User = None
) -> Conversation:
    """Give a conversation another name; the first one is its first question."""
    scope = of_user(caller.scope, user)
    return await write(kb, conversations.rename, scope, conversation_id, body.name)


@router.get("/conversations/{conversation_id}/messages")
async def list_messages(
    conversation_id: str, kb: KB, caller: ChatCaller, page: Paging, user: User = None
) -> ListResponse[MessageResponse]:
    """The messages of a conversation, oldest first."""
    scope = of_user(caller.scope, user)
    found, said = await read(kb, _with_feedback, scope, conversation_id, page)
    full = caller.scope.may("admin")
    shown = (
        MessageResponse.of(message, full=full).judged(said.get(message.id, ()), full=full)
        for message in found.data
    )
    return ListResponse(data=tuple(shown), next=found.next)


@router.delete("/conversations/{conversation_id}", status_code=204)
async def delete_conversation(
    conversation_id: str, kb: KB, caller: ChatCaller, user: User = None
) -> Response:
    """Delete a conversation with its messages."""
    await write(kb, conversations.remove, of_user(caller.scope, user), conversation_id)
    return Response(status_code=204)


@router.get("/messages/{message_id}")
async def get_message(
    message_id: str, kb: KB, caller: ChatCaller, user: User = None
) -> MessageResponse:
    """One question with its answer, for whoever may read the conversation."""
    found, said = await read(kb, feedback.on_message, of_user(caller.scope, user), message_id)
    full = caller.scope.may("admin")
    return MessageResponse.of(found, full=full).judged(said, full=full)


@router.get("/messages/{message_id}/suggested")
async def suggested_questions(
    message_id: str, kb: KB, caller: ChatCaller, user: User = None
) -> SuggestedQuestions:
    """What may be asked next, as the app's model sees it; nothing without a model."""
    found = await kb.chat.suggested(of_user(caller.scope, user), message_id, caller.limits)
    return SuggestedQuestions(data=tuple(found))


@router.get("/messages/{message_id}/sources/{n}", response_model=PassageResponse)
async def get_source(
    message_id: str,
    n: Annotated[int, Path(ge=1, le=1000)],
    kb: KB,
    caller: ChatCaller,
    user: User = None,
) -> Mapping[str, Any]:
    """A passage that a message may cite, with what stands around it."""
    return await read(kb, passages.passage, of_user(caller.scope, user), message_id, n)


def _with_feedback(
    tx: Transaction, scope: Scope, conversation_id: str, page: PageRequest
) -> tuple[Listing[Message], Mapping[str, Sequence[Feedback]]]:
    found = conversations.messages_of(tx, scope, conversation_id, page)
    return found, feedback.of_messages(tx, [message.id for message in found.data])
