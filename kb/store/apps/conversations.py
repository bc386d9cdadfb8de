"""Conversations and their messages. A message is stored once, when its run has ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Row, Select, delete, insert, select, update

from kb.errors import NotFound
from kb.ids import now
from kb.store.access.keys import NOBODY
from kb.store.apps import redaction
from kb.store.engine import schema
from kb.store.engine.database import Transaction
from kb.store.engine.paging import Listing, PageRequest, listing
from kb.store.engine.records import citation_from, failure_from, failure_to
from kb.types import AnswerSpan, Conversation, Message, Route, Scope, Turn, Usage, VariantName

table = schema.conversations
messages = schema.messages
feedback = schema.feedback

NAME_LENGTH = 80

ANSWERS_SAID = 50
"""Answers of a conversation that are looked through for what they have given away."""


def visible(scope: Scope) -> Select[Any]:
    """The conversations that a scope may see: replays for admins only, of one user if narrowed.

    Who is narrowed to nobody sees none, also none that somebody like them has begun.
    """
    query = select(table).where(table.c.workspace == scope.workspace)
    if not scope.may("admin"):
        query = query.where(table.c.replay_of.is_(None))
    if scope.apps is not None:
        query = query.where(table.c.app_id.in_(scope.apps))
    if scope.end_user is None:
        return query
    return query.where(table.c.end_user == scope.end_user, table.c.end_user != NOBODY)


def create(
    tx: Transaction,
    scope: Scope,
    app_id: str,
    *,
    query: str,
    end_user: str | None,
    conversation_id: str,
    replay_of: str | None = None,
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
        replay_of=replay_of,
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
    """A part of the visible conversations, newest first, without replays.

    Of one app or user if named.
    """
    query = visible(scope).where(table.c.replay_of.is_(None))
    if app_id is not None:
        query = query.where(table.c.app_id == app_id)
    if end_user is not None:
        query = query.where(table.c.end_user == end_user)
    return listing(tx, query, table.c.id, request, _conversation, newest_first=True)


def pin(tx: Transaction, conversation_id: str, variant: VariantName) -> None:
    """Keep a conversation with the variant that answered first."""
    tx.execute(update(table).where(table.c.id == conversation_id).values(variant=variant))


def rename(tx: Transaction, scope: Scope, conversation_id: str, name: str) -> Conversation:
    """Give a conversation another name. Raises NotFound."""
    found = get(tx, scope, conversation_id)
    tx.execute(update(table).where(table.c.id == conversation_id).values(name=name))
    return replace(found, name=name)


def remove(tx: Transaction, scope: Scope, conversation_id: str) -> None:
    """Delete a conversation with its messages and with what was made of them. Raises NotFound."""
    get(tx, scope, conversation_id)
    asked = select(messages.c.id).where(messages.c.conversation_id == conversation_id)
    replays = select(table.c.id).where(table.c.replay_of.in_(asked))
    _remove(tx, [conversation_id, *tx.execute(replays).scalars()])


def remove_all(tx: Transaction, app_id: str) -> None:
    """Delete the conversations of an app."""
    _remove(tx, select(table.c.id).where(table.c.app_id == app_id))


def history(
    tx: Transaction, conversation_id: str, turns: int, *, before: str | None = None
) -> tuple[Turn, ...]:
    """The last completed exchanges, oldest first; those before a message if it is named."""
    query = (
        select(messages.c.query, messages.c.answer)
        .where(messages.c.conversation_id == conversation_id)
        .where(messages.c.status == "completed")
        .order_by(messages.c.id.desc())
        .limit(turns)
    )
    if before is not None:
        query = query.where(messages.c.id < before)
    rows = tx.execute(query).all()
    return tuple(Turn(row.query, row.answer) for row in reversed(rows))


def said(tx: Transaction, conversation_id: str) -> tuple[str, ...]:
    """The last answers of a conversation, also partial ones, oldest first."""
    query = (
        select(messages.c.answer)
        .where(messages.c.conversation_id == conversation_id)
        .order_by(messages.c.id.desc())
        .limit(ANSWERS_SAID)
    )
    return tuple(reversed(tx.execute(query).scalars().all()))


def add_message(tx: Transaction, message: Message) -> None:
    """Store an answer; nothing happens if its conversation was deleted meanwhile."""
    known = select(table.c.id).where(table.c.id == message.conversation_id)
    if tx.execute(known).first() is None:
        return
    values = {
        **asdict(message),
        **redaction.now_redacted(tx, message),
        "error": failure_to(message.error),
        "timings_ms": dict(message.timings_ms),
        "inputs": None if message.inputs is None else dict(message.inputs),
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


def has_message(tx: Transaction, message_id: str) -> bool:
    """Whether a message has not been deleted."""
    return tx.execute(select(messages.c.id).where(messages.c.id == message_id)).first() is not None


def replays_of(tx: Transaction, scope: Scope, message_id: str) -> list[Message]:
    """The answers that other versions gave to a message's question, oldest first."""
    original = message(tx, scope, message_id)
    own = visible(scope).with_only_columns(table.c.id)
    query = select(messages).where(messages.c.conversation_id.in_(own))
    found = query.where(messages.c.replay_of == original.id).order_by(messages.c.id)
    return [_message(row) for row in tx.execute(found)]


def suggested(tx: Transaction, message_id: str) -> tuple[str, ...] | None:
    """The questions that were suggested after an answer; None if none were thought of yet."""
    found = tx.execute(select(messages.c.suggested).where(messages.c.id == message_id)).scalar()
    return None if found is None else tuple(found)


def set_suggested(tx: Transaction, message_id: str, questions: Sequence[str]) -> None:
    """Keep suggestions, so that no model is asked twice for the same."""
    kept = update(messages).where(messages.c.id == message_id)
    tx.execute(kept.values(suggested=list(questions)))


def _remove(tx: Transaction, conversation_ids: Any) -> None:
    own = select(messages.c.id).where(messages.c.conversation_id.in_(conversation_ids))
    tx.execute(delete(feedback).where(feedback.c.message_id.in_(own)))
    tx.execute(delete(messages).where(messages.c.conversation_id.in_(conversation_ids)))
    tx.execute(delete(table).where(table.c.id.in_(conversation_ids)))


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
        replay_of=row.replay_of,
    )


def _message(row: Row[Any]) -> Message:
    fields = {name: value for name, value in row._mapping.items() if name in _MESSAGE_FIELDS}
    fields["grounded"] = None if row.grounded is None else bool(row.grounded)
    fields["route"] = Route(**row.route)
    fields["usage"] = Usage(**row.usage)
    fields["citations"] = tuple(citation_from(item) for item in row.citations)
    fields["unsupported"] = tuple(AnswerSpan(**item) for item in row.unsupported or ())
    fields["error"] = failure_from(row.error)
    return Message(**fields)


_MESSAGE_FIELDS = frozenset(column.name for column in messages.columns) - {"suggested"}
