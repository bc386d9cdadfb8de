"""Conversations and their messages. A message is stored once, when its run has ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from kb.store.access import usage
from kb.store.access.keys import NOBODY
from kb.store.apps import disclosures, redaction, runs
from kb.store.apps.outcomes import with_answers
from kb.store.content import outbox
from kb.store.engine import schema
from kb.store.engine.database import Transaction
from kb.store.engine.paging import Listing, PageRequest, listing, one
from kb.store.engine.schema.columns import of_row, to_row
from kb.types import Conversation, Message, Rating, Scope, Turn, VariantName

table = schema.conversations
messages = schema.messages
feedback = schema.feedback

NAME_LENGTH = 80

Order = Literal["created", "updated"]

AFTER_ALL = "~"  # behind the id of every message


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


def begin(
    tx: Transaction,
    scope: Scope,
    message: Message,
    *,
    end_user: str | None,
    variant: VariantName | None = None,
    external_id: str | None = None,
) -> bool:
    """Begin the conversation of a first message, named after its question.

    Returns:
        False, and nothing happens, if the app was deleted meanwhile, or of a replay the message
        that is asked again: what was deleted must not live on in a copy.
    """
    name, moment = _name(message), message.created_at
    own = (message.conversation_id, message.app_id, name, end_user, variant, moment, moment)
    begun = Conversation(*own, message.replay_of, external_id)
    made = to_row(begun) | {"workspace": scope.workspace}
    counted = {"preserve_rowcount": True}
    return bool(tx.execute(_BEGIN, made, execution_options=counted).rowcount)


def go_on(tx: Transaction, message: Message, *, variant: VariantName | None = None) -> bool:
    """Note that a conversation has another message, and which variant it keeps to from now on.

    Returns:
        False if it was deleted meanwhile.
    """
    values = {"talk": message.conversation_id, "moment": message.created_at, "kept": variant}
    return bool(tx.execute(_GO_ON, values).rowcount)


def get(tx: Transaction, scope: Scope, conversation_id: str) -> Conversation:
    """One conversation. Raises NotFound."""
    own = visible(scope).where(table.c.id == conversation_id)
    return of_row(Conversation, one(tx, own, "conversation", conversation_id))


def find(tx: Transaction, scope: Scope, external_id: str) -> Conversation | None:
    """The conversation that its client knows by a name of its own, if the scope may see it."""
    if tx.execute(_KNOWN, {"name": external_id}).first() is None:
        return None  # nearly always a new one: the whole query takes three times as long
    row = tx.execute(visible(scope).where(table.c.external_id == external_id)).first()
    return None if row is None else of_row(Conversation, row)


def page(
    tx: Transaction,
    scope: Scope,
    request: PageRequest,
    *,
    app_id: str | None = None,
    end_user: str | None = None,
    rating: Rating | None = None,
    refused: bool = False,
    order: Order = "created",
    newest_first: bool = True,
) -> Listing[Conversation]:
    """A part of the visible conversations, without replays, by when they began or went on: of an
    app or user if named, and with answers judged so, or `refused`. A cursor is a `place`."""
    query = visible(scope).where(table.c.replay_of.is_(None), *with_answers(rating, refused))
    if app_id is not None:
        query = query.where(table.c.app_id == app_id)
    if end_user is not None:
        query = query.where(table.c.end_user == end_user)
    by = table.c.id if order == "created" else table.c.updated_at + table.c.id
    return listing(tx, query, by, request, _conversation, newest_first=newest_first)


def place(conversation: Conversation, order: Order) -> str:
    """Where a conversation stands in a list of that order."""
    return ("" if order == "created" else conversation.updated_at) + conversation.id


def rename(tx: Transaction, scope: Scope, conversation_id: str, name: str | None) -> Conversation:
    """Give a conversation another name; None is that of its first question. Raises NotFound."""
    found = get(tx, scope, conversation_id)
    if name is None:
        asked = messages_of(tx, scope, conversation_id, PageRequest(1)).data
        name = _name(asked[0]) if asked else found.name
    tx.execute(update(table).where(table.c.id == conversation_id).values(name=name))
    return replace(found, name=name)


def remove(tx: Transaction, scope: Scope, conversation_id: str) -> None:
    """Delete a conversation with its messages and with what was made of them. Raises NotFound."""
    found = get(tx, scope, conversation_id)
    _remove(tx, [conversation_id])
    if scope.end_user is None and found.end_user is not None:  # users cannot reset it themselves
        own = table.c.app_id == found.app_id, table.c.end_user == found.end_user
        if not tx.execute(select(exists().where(*own))).scalar():
            disclosures.remove(tx, found.app_id, found.end_user)
            usage.forget_users(tx, found.app_id, found.end_user)


def remove_all(tx: Transaction, app_id: str) -> None:
    """Delete the conversations of an app."""
    _remove(tx, select(table.c.id).where(table.c.app_id == app_id))


def history(
    tx: Transaction, scope: Scope, conversation_id: str, turns: int, *, before: str = AFTER_ALL
) -> tuple[tuple[Turn, ...], tuple[str, ...]]:
    """The last completed turns, oldest first, and the texts of their sources, if seen.

    Args:
        before: the id of a message; only those before it count.
    """
    values = {"talk": conversation_id, "before": before, "most": turns}
    rows = tx.execute(_LATEST, values).all()
    hidden = redaction.hidden(tx, scope, rows)
    seen = [r for r in rows if not any(s.get("document_id") in hidden for s in r.sources)]
    texts = dict.fromkeys(source["text"] for row in seen for source in row.sources)
    return tuple(Turn(row.query, row.answer) for row in reversed(seen)), tuple(texts)


def add_message(tx: Transaction, message: Message) -> None:
    """Store an answer of a conversation that is there."""
    tx.execute(_ADD, to_row(message) | redaction.now_redacted(tx, message))


def message(tx: Transaction, scope: Scope, message_id: str) -> Message:
    """One message of a visible conversation. Raises NotFound."""
    return _one_message(tx, scope, messages.c.id == message_id, "message", message_id)


def message_of_run(tx: Transaction, scope: Scope, run_id: str) -> Message:
    """The message that a run has left. Raises NotFound."""
    return _one_message(tx, scope, messages.c.run_id == run_id, "run", run_id)


def messages_of(
    tx: Transaction,
    scope: Scope,
    conversation_id: str,
    request: PageRequest,
    *,
    newest_first: bool = False,
) -> Listing[Message]:
    """A part of a conversation's messages, oldest first unless said otherwise."""
    get(tx, scope, conversation_id)
    query = select(messages).where(messages.c.conversation_id == conversation_id)
    found = listing(tx, query, messages.c.id, request, _message, newest_first=newest_first)
    return replace(found, data=redaction.seen(tx, scope, found.data))


def message_ids(tx: Transaction, conversation_id: str) -> list[str]:
    """The ids of a conversation's messages, oldest first."""
    own = messages.c.conversation_id == conversation_id
    return list(tx.execute(select(messages.c.id).where(own).order_by(messages.c.id)).scalars())


def replace_from(tx: Transaction, first_id: str, message: Message) -> None:
    """Drop the messages of a conversation from one on that another takes the place of."""
    said = messages.c.conversation_id == message.conversation_id
    _remove_messages(tx, said & (messages.c.id >= first_id) & (messages.c.id < message.id))


def replays_of(tx: Transaction, scope: Scope, message_id: str) -> list[Message]:
    """The answers that other versions gave to a message's question, oldest first."""
    original = message(tx, scope, message_id)
    own = visible(scope).with_only_columns(table.c.id)
    query = select(messages).where(messages.c.conversation_id.in_(own))
    found = query.where(messages.c.replay_of == original.id).order_by(messages.c.id)
    return list(redaction.seen(tx, scope, map(_message, tx.execute(found))))


def suggested(tx: Transaction, message_id: str) -> tuple[str, ...] | None:
    """The questions that were suggested after an answer; None if none were thought of yet."""
    return tx.execute(select(messages.c.suggested).where(messages.c.id == message_id)).scalar()


def set_suggested(tx: Transaction, message_id: str, questions: Sequence[str]) -> None:
    """Keep suggestions, so that no model is asked twice for the same."""
    kept = update(messages).where(messages.c.id == message_id)
    tx.execute(kept.values(suggested=tuple(questions)))


def _name(message: Message) -> str:
    return " ".join(message.query.split())[:NAME_LENGTH]


def _remove(tx: Transaction, conversation_ids: Any) -> None:
    _remove_messages(tx, messages.c.conversation_id.in_(conversation_ids))
    tx.execute(delete(table).where(table.c.id.in_(conversation_ids)))


def _remove_messages(tx: Transaction, where: ColumnElement[bool]) -> None:
    """Delete messages with what people said about them and what other versions answered."""
    asked = select(messages.c.id).where(where)
    replays = tx.execute(select(table.c.id).where(table.c.replay_of.in_(asked))).scalars().all()
    if replays:
        _remove(tx, replays)
    tx.execute(delete(feedback).where(feedback.c.message_id.in_(asked)))
    outbox.forget_messages(tx, asked)
    runs.forget_soon(tx, tx.execute(select(messages.c.run_id).where(where)).scalars().all())
    tx.execute(delete(messages).where(where))


def _one_message(tx: Transaction, scope: Scope, where: Any, kind: str, name: str) -> Message:
    own = visible(scope).with_only_columns(table.c.id)
    query = select(messages).where(where, messages.c.conversation_id.in_(own))
    return redaction.seen(tx, scope, [_message(one(tx, query, kind, name))])[0]


_message = partial(of_row, Message)
_conversation = partial(of_row, Conversation)
_IS_KNOWN = exists(select(schema.apps.c.id).where(schema.apps.c.id == bindparam("app_id")))
_BEGIN = insert(table).from_select(
    list(table.c.keys()),
    select(*(bindparam(column.name, type_=column.type) for column in table.c)).where(
        _IS_KNOWN,
        or_(
            bindparam("replay_of", type_=String).is_(None),
            exists(select(messages.c.id).where(messages.c.id == bindparam("replay_of"))),
        ),
    ),
)
_KNOWN = select(table.c.id).where(table.c.external_id == bindparam("name")).limit(1)
_GO_ON = (
    update(table)
    .where(table.c.id == bindparam("talk"))
    .values(
        updated_at=bindparam("moment"),
        variant=func.coalesce(bindparam("kept", type_=String), table.c.variant),
    )
)
_LATEST = (
    select(messages.c.query, messages.c.answer, messages.c.sources)
    .where(
        messages.c.conversation_id == bindparam("talk"),
        messages.c.id < bindparam("before"),
        messages.c.status == "completed",
    )
    .order_by(messages.c.id.desc())
    .limit(bindparam("most"))
)
_ADD = insert(messages)
"""Made once: making a statement takes longer than running it."""
