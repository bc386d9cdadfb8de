"""What people think of answers: at most one opinion of the users and one of the operator each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import partial

from sqlalchemy import delete, insert, select

from kb.errors import Rejected
from kb.ids import now
from kb.store.apps import apps, conversations
from kb.store.content import outbox
from kb.store.engine import dialect, schema
from kb.store.engine.database import Transaction
from kb.store.engine.paging import Listing, PageRequest, listing
from kb.store.engine.schema.columns import of_row, to_row
from kb.types import DislikeReason, Feedback, FeedbackSource, JudgedAnswer, Message, Rating, Scope

table = schema.feedback

_answer = schema.messages.c
_judged = select(
    table,
    _answer.query.label("question"),
    _answer.app_version.label("version"),
    *(_answer.answer, _answer.sources, _answer.conversation_id),
).join(schema.messages, _answer.id == table.c.message_id)


def put(
    tx: Transaction,
    scope: Scope,
    message_id: str,
    *,
    rating: Rating | None,
    reason: DislikeReason | None = None,
    text: str = "",
    better_answer: str = "",
) -> Feedback | None:
    """Say or change what one thinks of an answer; None is left if there is nothing to say.

    An admin speaks as the operator, everybody else as the user.

    Raises:
        NotFound: the message cannot be seen.
        Rejected: a reason stands with no dislike.
    """
    if reason is not None and rating != "dislike":
        raise Rejected("`reason` says why an answer is disliked: send `rating`: `dislike` with it.")
    message = conversations.message(tx, scope, message_id)
    source: FeedbackSource = source_of(scope)
    mine = (table.c.message_id == message.id, table.c.source == source)
    began = tx.execute(select(table.c.created_at).where(*mine)).scalar()
    tx.execute(delete(table).where(*mine))
    if rating is None and not text and not better_answer:
        return None
    moment = now()
    said = (rating, reason, text, better_answer)
    made = Feedback(message.id, source, *said, began or moment, moment)
    tx.execute(insert(table).values(app_id=message.app_id, **to_row(made)))
    outbox.tell_feedback(tx, message.app_id, message.conversation_id, made)
    return made


def source_of(scope: Scope) -> FeedbackSource:
    """On whose side a caller speaks."""
    return "operator" if scope.may("admin") else "user"


def of_messages(tx: Transaction, message_ids: Collection[str]) -> Mapping[str, Sequence[Feedback]]:
    """What each side thinks of some messages, by message. The caller has checked that they may."""
    found = defaultdict[str, list[Feedback]](list)
    query = select(table).where(dialect.among(table.c.message_id, message_ids))
    for row in tx.execute(query.order_by(table.c.updated_at)):
        found[row.message_id].append(of_row(Feedback, row))
    return found


def on_message(
    tx: Transaction, scope: Scope, message_id: str
) -> tuple[Message, Sequence[Feedback]]:
    """A message, and what each side thinks of it. Raises NotFound."""
    found = conversations.message(tx, scope, message_id)
    return found, of_messages(tx, [found.id]).get(found.id, ())


def page(
    tx: Transaction, scope: Scope, app: str, request: PageRequest, *, rating: Rating | None = None
) -> Listing[JudgedAnswer]:
    """What was said about an app's answers, newest answer first. Raises NotFound."""
    key = table.c.message_id + "/" + table.c.source
    query = _judged.where(table.c.app_id == apps.get(tx, scope, app).id)
    if rating is not None:
        query = query.where(table.c.rating == rating)
    return listing(tx, query, key, request, partial(of_row, JudgedAnswer), newest_first=True)
