"""Conversations and their messages. A message is stored once, when its run has ended."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, Select, delete, insert, select, update

from kb.errors import NotFound
from kb.ids import now
from kb.store import schema
from kb.store.database import Transaction
from kb.store.paging import Listing, PageRequest, listing
from kb.store.records import citation_from, failure_from, failure_to
from kb.types import Conversation, Message, Route, Scope, Turn, Usage, VariantName

table = schema.conversations
messages = schema.messages

NAME_LENGTH = 80


def visible(scope: Scope) -> Select[Any]:
    """The conversations that a scope may see."""
    query = select(table).where(table.c.workspace == scope.workspace)
    if scope.apps is not None:
        query = query.where(table.c.app_id.in_(scope.apps))
    return query if scope.end_user is None else query.where(table.c.end_user == scope.end_user)


def create(
    tx: Transaction,
    scope: Scope,
    app_id: str,
    *,
    query: str,
    end_user: str | None,
    conversation_id: str,
) -> Conversation:
    """Begin a conversation, named after its first question."""
    moment = now()
    conversation = Conversation(
        id=conversation_id,
        app_id=app_id,
        name=" ".join(query.split())[:NAME_LENGTH],
        end_user=end_user,
        variant=None,
        created_at=moment,
        updated_at=moment,
    )
    tx.execute(insert(table).values(workspace=scope.workspace, **asdict(conversation)))
    return conversation


def get(tx: Transaction, scope: Scope, conversation_id: str) -> Conversation:
    """One conversation. Raises NotFound."""
    row = tx.execute(visible(scope).where(table.c.id == conversation_id)).one_or_none()
    if row is None:
        raise NotFound("conversation", conversation_id)
    return _conversation(row)


def page(
    tx: Transaction,
    scope: Scope,
    request: PageRequest,
    *,
    app_id: str | None = None,
    end_user: str | None = None,
) -> Listing[Conversation]:
    """A part of the visible conversations, newest first; of one app or user if named."""
    query = visible(scope)
    if app_id is not None:
        query = query.where(table.c.app_id == app_id)
    if end_user is not None:
        query = query.where(table.c.end_user == end_user)
    return listing(tx, query, table.c.id, request, _conversation, newest_first=True)


def pin(tx: Transaction, conversation_id: str, variant: VariantName) -> None:
    """Keep a conversation with the variant that answered first."""
    tx.execute(update(table).where(table.c.id == conversation_id).values(variant=variant))


def remove(tx: Transaction, scope: Scope, conversation_id: str) -> None:
    """Delete a conversation with its messages. Raises NotFound."""
    get(tx, scope, conversation_id)
    tx.execute(delete(messages).where(messages.c.conversation_id == conversation_id))
    tx.execute(delete(table).where(table.c.id == conversation_id))


def history(tx: Transaction, conversation_id: str, turns: int) -> tuple[Turn, ...]:
    """The last completed exchanges, oldest first."""
    query = (
        select(messages.c.query, messages.c.answer)
        .where(messages.c.conversation_id == conversation_id)
        .where(messages.c.status == "completed")
        .order_by(messages.c.id.desc())
        .limit(turns)
    )
    rows = tx.execute(query).all()
    return tuple(Turn(row.query, row.answer) for row in reversed(rows))


def add_message(tx: Transaction, message: Message) -> None:
    """Store an answer; nothing happens if its conversation was deleted meanwhile."""
    known = select(table.c.id).where(table.c.id == message.conversation_id)
    if tx.execute(known).first() is None:
        return
    values = {
        **asdict(message),
        "error": failure_to(message.error),
        "sources": [dict(source) for source in message.sources],
        "timings_ms": dict(message.timings_ms),
    }
    tx.execute(insert(messages).values(**values))
    touched = update(table).where(table.c.id == message.conversation_id)
    tx.execute(touched.values(updated_at=message.created_at))


def message(tx: Transaction, scope: Scope, message_id: str) -> Message:
    """One message of a visible conversation. Raises NotFound."""
    return _one_message(tx, scope, messages.c.id == message_id, "message", message_id)


def message_of_run(tx: Transaction, scope: Scope, run_id: str) -> Message:
    """The message that a run has left. Raises NotFound."""
    return _one_message(tx, scope, messages.c.run_id == run_id, "run", run_id)


def messages_of(
    tx: Transaction, scope: Scope, conversation_id: str, request: PageRequest
) -> Listing[Message]:
    """A part of a conversation's messages, oldest first."""
    get(tx, scope, conversation_id)
    query = select(messages).where(messages.c.conversation_id == conversation_id)
    return listing(tx, query, messages.c.id, request, _message)


def _one_message(tx: Transaction, scope: Scope, where: Any, kind: str, name: str) -> Message:
    own = visible(scope).with_only_columns(table.c.id)
    query = select(messages).where(where, messages.c.conversation_id.in_(own))
    row = tx.execute(query).one_or_none()
    if row is None:
        raise NotFound(kind, name)
    return _message(row)


def _conversation(row: Row[Any]) -> Conversation:
    return Conversation(
        id=row.id,
        app_id=row.app_id,
        name=row.name,
        end_user=row.end_user,
        variant=row.variant,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _message(row: Row[Any]) -> Message:
    fields = {name: value for name, value in row._mapping.items() if name in _MESSAGE_FIELDS}
    fields["grounded"] = None if row.grounded is None else bool(row.grounded)
    fields["route"] = Route(**row.route)
    fields["usage"] = Usage(**row.usage)
    fields["citations"] = tuple(citation_from(item) for item in row.citations)
    fields["error"] = failure_from(row.error)
    return Message(**fields)


_MESSAGE_FIELDS = frozenset(column.name for column in messages.columns)
