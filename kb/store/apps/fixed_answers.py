"""Answers that an operator has fixed for a question: the same wording gets them word for word.

Two wordings are the same if they differ only in case, blanks, width and punctuation; anything
looser would answer a question that was not asked.
"""

from __future__ import annotations

import unicodedata
from functools import partial

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from kb.errors import Conflict, NotFound
from kb.ids import new_id, now
from kb.store.engine import schema
from kb.store.engine.database import Transaction
from kb.store.engine.paging import Listing, PageRequest, listing
from kb.store.engine.records import of_row
from kb.types import Annotation

table = schema.fixed_answers


def wording(question: str) -> str:
    """The letters and digits of a question, by which two are compared; the text itself if none."""
    plain = unicodedata.normalize("NFKC", question).casefold()
    kept = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in plain)
    return " ".join(kept.split()) or plain.strip()


def create(
    tx: Transaction, app_id: str, *, question: str, answer: str, message_id: str | None = None
) -> Annotation:
    """Fix an answer. Raises Conflict if the question has one."""
    made = Annotation(new_id("ann"), app_id, question, answer, message_id, now())
    try:
        tx.execute(
            insert(table).values(
                id=made.id,
                app_id=app_id,
                wording=wording(question),
                question=question,
                answer=answer,
                message_id=message_id,
                created_at=made.created_at,
            )
        )
    except IntegrityError as exc:
        raise Conflict("This question has a fixed answer already. Delete that one first.") from exc
    return made


def page(tx: Transaction, app_id: str, request: PageRequest) -> Listing[Annotation]:
    """A part of an app's annotations, oldest first."""
    query = select(table).where(table.c.app_id == app_id)
    return listing(tx, query, table.c.id, request, partial(of_row, Annotation))


def remove(tx: Transaction, app_id: str, annotation_id: str) -> None:
    """Delete one annotation. Raises NotFound."""
    gone = delete(table).where(table.c.app_id == app_id, table.c.id == annotation_id)
    if tx.execute(gone).rowcount == 0:
        raise NotFound("annotation", annotation_id)


def remove_all(tx: Transaction, app_id: str) -> None:
    """Delete every annotation of an app."""
    tx.execute(delete(table).where(table.c.app_id == app_id))
