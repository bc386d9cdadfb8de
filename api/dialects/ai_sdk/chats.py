"""From a client's chat to our conversation, its run in progress, and the next question.

A chat is known by a digest of its app, key, end user and the client's own id, so whoever has
another key, or is another end user of it, finds nothing under the same id.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace

from api.dialects.ai_sdk.requests import UiChatBody
from api.dialects.dialect import only_app
from api.dialects.turns import brought
from api.threads import read
from kb.access import Caller
from kb.chat.ask.question import ChatRequest
from kb.chat.run.run import Run
from kb.knowledge_base import KnowledgeBase
from kb.store.apps import apps, conversations
from kb.store.engine.database import Transaction
from kb.store.engine.paging import MAX_LIMIT, PageRequest
from kb.types import Message, Scope

REPLACED = "replaced"
"""Why a run ends when the next question of its chat comes."""


async def external_id(kb: KnowledgeBase, scope: Scope, app: str, chat_id: str) -> str:
    """What a chat's conversation is found under. Raises NotFound if the app cannot be seen."""
    return _external_id((await read(kb, apps.get, scope, app)).id, scope, chat_id)


async def ask(kb: KnowledgeBase, caller: Caller, scope: Scope, app: str, body: UiChatBody) -> Run:
    """Begin an answer; one at a time in a chat. Raises what `Chat.ask` raises.

    An answer in progress in the same chat ends first, with what it has written: a page stops by
    leaving, and asks again.
    """
    asked = body.asked
    field = "messages" if body.message is None else "message"
    said = brought([message.said() for message in asked], field)
    request = ChatRequest(
        said.query, end_user=body.user, inputs=body.inputs, route=body.route, history=said.history
    )
    if body.id is None:
        return await kb.chat.ask(scope, app, request, caller.limits)
    in_progress = kb.chat.runs.in_progress  # also one that ends while the chat is looked up
    found = await read(kb, _in_chat, scope, app, body.id, request, body)
    running = [run for run in in_progress if run.identity.external_id == found.external_id]
    running += await kb.chat.runs.log.under(found.external_id or "")
    for run in running:
        await external_id(kb, scope, app, body.id)  # a key of one app may have named another
        run.stop(REPLACED)
        await run.wait()
    if running:
        found = await read(kb, _in_chat, scope, app, body.id, request, body)
    return await kb.chat.ask(scope, app, found, caller.limits)


def kept(tx: Transaction, scope: Scope, chat: str) -> Sequence[Message]:
    """The last exchanges of a chat, oldest first; none of a new one."""
    conversation = conversations.find(tx, scope, chat)
    if conversation is None:
        return ()
    last = PageRequest(MAX_LIMIT)
    return conversations.messages_of(tx, scope, conversation.id, last, newest_first=True).data[::-1]


def _external_id(app_id: str, scope: Scope, chat_id: str) -> str:
    names = json.dumps([app_id, scope.key_id, scope.end_user, chat_id])
    return hashlib.sha256(names.encode()).hexdigest()


def _in_chat(
    tx: Transaction, scope: Scope, app: str, chat_id: str, request: ChatRequest, body: UiChatBody
) -> ChatRequest:
    """The request with our own history where we keep the chat, else with the client's."""
    chat = _external_id(only_app(scope) or apps.get(tx, scope, app).id, scope, chat_id)
    request = replace(request, external_id=chat)
    conversation = conversations.find(tx, scope, chat)
    if conversation is None:
        return request
    own = replace(request, history=None, conversation_id=conversation.id)
    if not body.replaces:
        return own
    kept = conversations.message_ids(tx, conversation.id)
    return replace(own, replaces=_replaced(kept, body))


def _replaced(kept: list[str], body: UiChatBody) -> str | None:
    """The first of our messages that the client no longer shows before its question.

    Its own answers have our ids. Where it names none of them, the last answer is meant.
    """
    if body.messageId in kept:
        return body.messageId
    before = [message.id for message in body.asked[:-1] if message.role == "assistant"]
    if body.messages and not before:
        return kept[0] if kept else None
    if before and before[-1] in kept:
        behind = kept[kept.index(before[-1]) + 1 :]
        return behind[0] if behind else None
    return kept[-1] if kept else None
