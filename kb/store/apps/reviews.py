"""Answers that went wrong: refused, weak, with sentences that nothing supports, or disliked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import String, cast, func, or_, select, update

from kb.store.apps import apps, feedback
from kb.store.engine import schema
from kb.store.engine.database import Transaction
from kb.store.engine.schema.columns import of_row
from kb.store.engine.schema.conversations import WRONG
from kb.types import Feedback, Message, Scope

table = schema.messages


class Wrong(NamedTuple):
    """An answer that went wrong, and what was said about it, the latest last."""

    message: Message
    said: Sequence[Feedback]

    @property
    def dislikes(self) -> list[Feedback]:
        return [each for each in self.said if each.rating == "dislike"]

    @property
    def better(self) -> str:
        """What somebody has said would have been right."""
        return next((each.better_answer for each in reversed(self.said) if each.better_answer), "")


def wrong(
    tx: Transaction, scope: Scope, app: str | None, *, is_done: bool, most: int
) -> list[Wrong]:
    """The newest that a person has dealt with, or that nobody has, oldest first."""
    own = apps.visible(scope).with_only_columns(schema.apps.c.id)
    if app is not None:
        own = own.where(or_(schema.apps.c.id == app, schema.apps.c.slug == app))
    disliked = select(schema.feedback.c.message_id).where(
        schema.feedback.c.app_id.in_(own), schema.feedback.c.rating == "dislike"
    )
    is_open = func.coalesce(cast(table.c.review, String), "null") == "null"
    query = select(table).where(
        table.c.id.in_(select(table.c.id).where(table.c.app_id.in_(own), WRONG).union(disliked)),
        table.c.replay_of.is_(None),
        is_open != is_done,
    )
    rows = tx.execute(query.order_by(table.c.id.desc()).limit(most)).all()
    said = feedback.of_messages(tx, [row.id for row in rows])
    return [Wrong(of_row(Message, row), said.get(row.id, ())) for row in reversed(rows)]


def mark(tx: Transaction, message_ids: Collection[str], review: Mapping[str, Any] | None) -> None:
    """Note what was made of answers; None takes it back."""
    tx.execute(update(table).where(table.c.id.in_(message_ids)).values(review=review))
