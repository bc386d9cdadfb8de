"""Answers that an operator has fixed for a question: the same wording gets them word for word.

Two wordings are the same if they differ only in case, blanks, width and punctuation; anything
looser would answer a question that was not asked.
"""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from functools import partial

from sqlalchemy import and_, bindparam, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from kb.errors import Conflict, NotFound
from kb.ids import new_id, now
from kb.store.apps import apps, conversations
from kb.store.engine import schema
from kb.store.engine.database import Transaction
from kb.store.engine.paging import Listing, PageRequest, listing, one
from kb.store.engine.schema.columns import of_row, to_row
from kb.types import Annotation, App, Scope

table = schema.fixed_answers
known = schema.apps


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
        tx.execute(insert(table).values(wording=wording(made.question), **to_row(made)))
    except IntegrityError as exc:
        raise _taken() from exc
    return made


def change(
    tx: Transaction, scope: Scope, app: str, annotation_id: str, *, question: str, answer: str
) -> Annotation:
    """Fix another answer, or the answer to another question. Raises NotFound or Conflict."""
    own = table.c.app_id == apps.get(tx, scope, app).id, table.c.id == annotation_id
    found = of_row(Annotation, one(tx, select(table).where(*own), "annotation", annotation_id))
    said = {"question": question, "answer": answer}
    try:
        tx.execute(update(table).where(*own).values(wording=wording(question), **said))
    except IntegrityError as exc:
        raise _taken() from exc
    return replace(found, **said)


def page(
    tx: Transaction, scope: Scope, app: str, request: PageRequest, *, q: str | None = None
) -> Listing[Annotation]:
    """A part of an app's fixed answers, oldest first, by a piece of what they say.

    Raises NotFound.
    """
    query = select(table).where(table.c.app_id == apps.get(tx, scope, app).id)
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


def asked(tx: Transaction, scope: Scope, id_or_slug: str, query: str) -> tuple[App, str | None]:
    """An app, without its inputs, and the answer that its operator has fixed for a question.

    Raises NotFound.
    """
    named = {"workspace": scope.workspace, "name": id_or_slug, "wording": wording(query)}
    row = tx.execute(_ASKED, named).first()
    if row is None or (scope.apps is not None and row.id not in scope.apps):
        raise NotFound("app", id_or_slug)
    return of_row(App, row), row.fixed_answer


def _taken() -> Conflict:
    return Conflict("This question has a fixed answer already. Delete that one first.")


_OWN_ANSWER = and_(
    table.c.app_id == known.c.id,
    table.c.wording == bindparam("wording"),
)
_ASKED = (
    select(
        *(column for column in known.c if column.name not in ("draft", "draft_revision")),
        table.c.answer.label("fixed_answer"),
    )
    .outerjoin(table, _OWN_ANSWER)
    .where(
        known.c.workspace == bindparam("workspace"),
        or_(known.c.id == bindparam("name"), known.c.slug == bindparam("name")),
    )
)
"""Made once: making a statement takes longer than running it."""
