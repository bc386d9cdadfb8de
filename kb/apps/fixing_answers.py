"""Answers that an operator fixes for a question of an app."""

from __future__ import annotations

from kb.errors import NotFound
from kb.store.apps import apps, conversations, fixed_answers
from kb.store.engine.database import Transaction
from kb.store.engine.paging import Listing, PageRequest
from kb.types import Annotation, Scope


def page(tx: Transaction, scope: Scope, app: str, request: PageRequest) -> Listing[Annotation]:
    """The fixed answers of an app, oldest first. Raises NotFound."""
    return fixed_answers.page(tx, apps.get(tx, scope, app).id, request)


def add(
    tx: Transaction,
    scope: Scope,
    app: str,
    *,
    question: str | None,
    answer: str | None,
    message_id: str | None,
) -> Annotation:
    """Fix the answer to a question; what is not given is taken from a message of the app.

    Raises:
        NotFound: there is no such app, or no such message in it.
        Conflict: the question has a fixed answer already.
    """
    app_id = apps.get(tx, scope, app).id
    if message_id is not None:
        message = conversations.message(tx, scope, message_id)
        if message.app_id != app_id:
            raise NotFound("message", message_id)
        question, answer = question or message.query, answer or message.answer
    return fixed_answers.create(
        tx, app_id, question=question or "", answer=answer or "", message_id=message_id
    )


def remove(tx: Transaction, scope: Scope, app: str, annotation_id: str) -> None:
    """Delete one fixed answer. Raises NotFound."""
    fixed_answers.remove(tx, apps.get(tx, scope, app).id, annotation_id)


def remove_all(tx: Transaction, scope: Scope, app: str) -> None:
    """Delete all fixed answers of an app. Raises NotFound."""
    fixed_answers.remove_all(tx, apps.get(tx, scope, app).id)
