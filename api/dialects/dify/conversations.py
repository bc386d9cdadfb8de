"""Conversations and their messages, in the pages that Dify's clients turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import model_validator
from starlette.responses import Response

from api.deps import KB, ChatCaller
from api.dialects.dialect import seconds
from api.dialects.dify.asking import AppDep, OptionalId, User, UserBody, scope_of
from api.dialects.dify.message_events import names_of, resources
from api.dialects.dify.wire.fields import Limit
from api.resources.fields import Id, Name
from api.threads import read, write
from kb.store.apps import apps, conversations, feedback
from kb.store.apps.conversations import Order
from kb.store.engine.database import Transaction
from kb.store.engine.paging import Listing, PageRequest
from kb.types import App, Conversation, Feedback, Message, Scope

router = APIRouter(tags=["conversations"])

SortBy = Literal["created_at", "-created_at", "updated_at", "-updated_at"]
ORDERS: dict[str, Order] = {"created_at": "created", "updated_at": "updated"}


class NameBody(UserBody):
    """Another name for a conversation."""

    name: Name | None = None
    auto_generate: bool = False

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, value: Any) -> Any:
        empty = ("name", "auto_generate", "user")
        if not isinstance(value, dict):
            return value
        return {
            key: each for key, each in value.items() if each not in (None, "") or key not in empty
        }

    @model_validator(mode="after")
    def _names(self) -> NameBody:
        if self.name is None and not self.auto_generate:
            raise ValueError("send a `name`, or `auto_generate`")
        return self


@router.get("/conversations")
async def list_conversations(
    kb: KB,
    caller: ChatCaller,
    app: AppDep,
    user: User = None,
    last_id: OptionalId = None,
    limit: Limit = 20,
    sort_by: SortBy = "-updated_at",
) -> dict[str, Any]:
    """The conversations of a user with the app."""
    order = ORDERS[sort_by.removeprefix("-")]
    newest_first = sort_by.startswith("-")
    scope = scope_of(caller, user)
    after = (last_id, limit, order, newest_first)
    found = await read(kb, _conversations, scope, app.id, *after)
    return _listed([_conversation(each, app) for each in found.data], found.next, limit)


@router.post("/conversations/{conversation_id}/name")
async def rename_conversation(
    conversation_id: str, body: NameBody, kb: KB, caller: ChatCaller, app: AppDep
) -> dict[str, Any]:
    """Name a conversation, or with `auto_generate` after its first question."""
    scope = scope_of(caller, body.user)
    name = None if body.auto_generate else body.name
    changed = await write(kb, conversations.rename, scope, conversation_id, name)
    return _conversation(changed, app)


@router.delete("/conversations/{conversation_id}", status_code=204)
async def delete_conversation(
    conversation_id: str,
    kb: KB,
    caller: ChatCaller,
    body: UserBody | None = None,
    user: User = None,
) -> Response:
    """Delete a conversation with its messages."""
    scope = scope_of(caller, body.user if body and body.user else user)
    await write(kb, conversations.remove, scope, conversation_id)
    return Response(status_code=204)


@router.get("/conversations/{conversation_id}/variables")
async def list_variables(
    conversation_id: str, kb: KB, caller: ChatCaller, user: User = None, limit: Limit = 20
) -> dict[str, Any]:
    """Nothing: only a chatflow of Dify keeps variables in a conversation."""
    await read(kb, conversations.get, scope_of(caller, user), conversation_id)
    return _listed([], None, limit)


@router.get("/messages")
async def list_messages(
    kb: KB,
    caller: ChatCaller,
    app: AppDep,
    conversation_id: Id,
    user: User = None,
    first_id: OptionalId = None,
    limit: Limit = 20,
) -> dict[str, Any]:
    """The last messages of a conversation, or the last before `first_id`, oldest first."""
    scope = scope_of(caller, user)
    page = PageRequest(limit, first_id)
    found, said, names = await read(kb, _messages, scope, conversation_id, page, app)
    full = caller.scope.may("admin")
    shown = [_message(each, said.get(each.id), names, full=full) for each in found.data]
    return _listed(shown[::-1], found.next, limit)


def _conversations(
    tx: Transaction,
    scope: Scope,
    app_id: str,
    last_id: str | None,
    limit: int,
    order: Order,
    newest_first: bool,
) -> Listing[Conversation]:
    cursor = None
    if last_id is not None:
        cursor = conversations.place(conversations.get(tx, scope, last_id), order)
    asked = PageRequest(limit, cursor)
    return conversations.page(
        tx, scope, asked, app_id=app_id, order=order, newest_first=newest_first
    )


def _messages(
    tx: Transaction, scope: Scope, conversation_id: str, page: PageRequest, app: App
) -> tuple[Listing[Message], dict[str, Feedback], dict[str, str]]:
    found = conversations.messages_of(tx, scope, conversation_id, page, newest_first=True)
    ids = [message.id for message in found.data]
    datasets = apps.published(tx, app, app.version).datasets if app.version else ()
    every, mine = feedback.of_messages(tx, ids), feedback.source_of(scope)
    said = {
        each.message_id: each for both in every.values() for each in both if each.source == mine
    }
    return found, said, names_of(datasets)


def _listed(data: Sequence[Any], rest: str | None, limit: int) -> dict[str, Any]:
    return {"limit": limit, "has_more": rest is not None, "data": data}


def _conversation(found: Conversation, app: App) -> dict[str, Any]:
    return {
        "id": found.id,
        "name": found.name,
        "inputs": {},
        "status": "normal",
        "introduction": app.opening,
        "created_at": seconds(found.created_at),
        "updated_at": seconds(found.updated_at),
    }


def _message(
    found: Message, said: Feedback | None, datasets: dict[str, str], *, full: bool
) -> dict[str, Any]:
    return {
        "id": found.id,
        "conversation_id": found.conversation_id,
        "parent_message_id": None,
        "inputs": dict(found.inputs or {}) if full else {},
        "query": found.query,
        "answer": found.answer,
        "status": "error" if found.status == "failed" else "normal",
        "error": found.error.detail if found.error else None,
        "message_files": [],
        "feedback": {"rating": said.rating} if said and said.rating else None,
        "retriever_resources": resources(found.sources, datasets),
        "agent_thoughts": [],
        "created_at": seconds(found.created_at),
    }
