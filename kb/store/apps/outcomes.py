"""Conversations by what became of their answers."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import ColumnElement, exists

from kb.store.engine import schema
from kb.types import Rating


def with_answers(rating: Rating | None, refused: bool) -> Iterator[ColumnElement[bool]]:
    """Conditions of conversations that have an answer judged so, and one that was `refused`."""
    messages, feedback = schema.messages, schema.feedback
    said = messages.c.conversation_id == schema.conversations.c.id
    if rating is not None:
        judged = feedback.c.message_id == messages.c.id, feedback.c.rating == rating
        yield exists().where(said, *judged)
    if refused:
        yield exists().where(said, messages.c.finish_reason == "refused")
