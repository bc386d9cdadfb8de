"""Answers that an operator has fixed for a question: the same wording gets them word for word.

Two wordings are the same if they differ only in case, blanks, width and punctuation. Each vector is
of the embedder beside it, for questions in other words (`kb/chat/ask/curated.py`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from kb.errors import Conflict, NotFound
from kb.ids import new_id, now
from kb.store.apps import apps, conversations
from kb.store.engine import schema
from kb.store.engine.database import Transaction
from kb.store.engine.paging import Listing, PageRequest, listing, one
from kb.store.engine.schema.columns import of_row, to_row
from kb.types import Annotation, App, Message, Scope

table = schema.fixed_answers
known = schema.apps
messages = schema.messages

_hit = messages.c.annotation_id == table.c.id
_counted = select(
    table,
    select(func.count()).where(_hit).scalar_subquery().label("hits"),
    select(func.max(messages.c.created_at)).where(_hit).scalar_subquery().label("last_hit_at"),
)
"""Fixed answers with how often they were given."""


def wording(question: str) -> str:
    """The letters and digits of a question, by which two are compared; the text itself if none."""
    plain = unicodedata.normalize("NFKC", question).casefold()
    kept = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in plain)
    return " ".join(kept.split()) or plain.strip()


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
    made = Annotation(new_id("ann"), app_id, question or "", answer or "", message_id, now())
    try:
        own = {name: value for name, value in to_row(made).items() if name in table.c}
        tx.execute(insert(table).values(wording=wording(made.question), **own))
    except IntegrityError as exc:
        raise _taken() from exc
    return made


def change(
    tx: Transaction, scope: Scope, app: str, annotation_id: str, *, question: str, answer: str
) -> Annotation:
    """Fix another answer, or the answer to another question. Raises NotFound or Conflict."""
    own = table.c.app_id == apps.get(tx, scope, app).id, table.c.id == annotation_id
    found = of_row(Annotation, one(tx, select(table).where(*own), "annotation", annotation_id))
    said = {"wording": wording(question), "question": question, "answer": answer}
    try:
        tx.execute(update(table).where(*own).values(embedder=None, **said))
    except IntegrityError as exc:
        raise _taken() from exc
    return replace(found, question=question, answer=answer)


def page(
    tx: Transaction, scope: Scope, app: str, request: PageRequest, *, q: str | None = None
) -> Listing[Annotation]:
    """A part of an app's fixed answers, oldest first, by a piece of what they say.

    Raises NotFound.
    """
    query = _counted.where(table.c.app_id == apps.get(tx, scope, app).id)
    if q:
        said = (table.c.question, table.c.answer)
        query = query.where(or_(*(each.icontains(q, autoescape=True) for each in said)))
    return listing(tx, query, table.c.id, request, partial(of_row, Annotation))


def remove(tx: Transaction, scope: Scope, app: str, annotation_id: str) -> None:
    """Delete one fixed answer. Raises NotFound."""
    own = table.c.app_id == apps.get(tx, scope, app).id
    if tx.execute(delete(table).where(own, table.c.id == annotation_id)).rowcount == 0:
        raise NotFound("annotation", annotation_id)


def remove_all(tx: Transaction, scope: Scope, app: str) -> None:
    """Delete all fixed answers of an app. Raises NotFound."""
    tx.execute(delete(table).where(table.c.app_id == apps.get(tx, scope, app).id))


def put(tx: Transaction, scope: Scope, app: str, answers: Mapping[str, str]) -> str:
    """Fix answers by their questions, whatever they were before; returns the id of the app. Raises
    NotFound."""
    app_id = apps.get(tx, scope, app).id
    for question, answer in answers.items():
        own = update(table).where(table.c.app_id == app_id, table.c.wording == wording(question))
        if tx.execute(own.values(question=question, answer=answer)).rowcount == 0:
            add(tx, scope, app_id, question=question, answer=answer, message_id=None)
    return app_id


def hits(
    tx: Transaction, scope: Scope, app: str, annotation_id: str, request: PageRequest
) -> Listing[Message]:
    """The stored answers that were a fixed one, newest first. Raises NotFound."""
    of_app = messages.c.app_id == apps.get(tx, scope, app).id
    query = select(messages).where(of_app, messages.c.annotation_id == annotation_id)
    make = partial(of_row, Message)
    return listing(tx, query, messages.c.id, request, make, newest_first=True)


def asked(tx: Transaction, scope: Scope, id_or_slug: str) -> tuple[App, list[Any]]:
    """An app, without its inputs, and the rows of its fixed answers. Raises NotFound."""
    row = tx.execute(_ASKED, {"workspace": scope.workspace, "name": id_or_slug}).first()
    if row is None or (scope.apps is not None and row.id not in scope.apps):
        raise NotFound("app", id_or_slug)
    return of_row(App, row), questions(tx, row.id)


def questions(tx: Transaction, app_id: str) -> list[Any]:
    """The rows of an app's fixed answers, with their wordings and vectors, oldest first."""
    return list(tx.execute(_QUESTIONS, {"app_id": app_id}))


def put_vectors(tx: Transaction, app_id: str, embedder: str, made: Mapping[str, bytes]) -> None:
    """Keep the vectors of questions, by how they are written."""
    for question, vector in made.items():
        own = update(table).where(table.c.app_id == app_id, table.c.question == question)
        tx.execute(own.values(embedder=embedder, vector=vector))


def _taken() -> Conflict:
    return Conflict("This question has a fixed answer already. Delete that one first.")


_QUESTIONS = select(table).where(table.c.app_id == bindparam("app_id")).order_by(table.c.id)
_ASKED = select(
    *(column for column in known.c if column.name not in ("draft", "draft_revision"))
).where(
    known.c.workspace == bindparam("workspace"),
    or_(known.c.id == bindparam("name"), known.c.slug == bindparam("name")),
)
"""Made once: making a statement takes longer than running it."""
