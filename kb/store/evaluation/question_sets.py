"""Question sets and their questions. A question is a row of a question set, as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from kb.errors import Conflict, NotFound, Rejected
from kb.ids import new_id, now
from kb.iteration import batched
from kb.store.engine import dialect, schema
from kb.store.engine.database import Transaction
from kb.store.engine.paging import Listing, PageRequest, listing, one
from kb.store.engine.schema.columns import of_row, to_row
from kb.types import EvaluationSet, Scope

table = schema.evaluation_sets
questions = schema.evaluation_questions

MOST_QUESTIONS = 10_000
_AT_ONCE = 1000


class NumberedQuestion(NamedTuple):
    """A question of a set and its number there, which stays when others are deleted."""

    number: int
    question: Mapping[str, Any]


def add(
    tx: Transaction, scope: Scope, name: str, description: str, dataset_id: str | None
) -> EvaluationSet:
    """Make a set without questions. Raises Conflict if its name is taken."""
    made = EvaluationSet(new_id("qst"), name, description, dataset_id, 0, now())
    try:
        tx.execute(insert(table).values(workspace=scope.workspace, **to_row(made)))
    except IntegrityError as exc:
        raise Conflict(f"A question set {name!r} is there already.") from exc
    return made


def get(tx: Transaction, scope: Scope, id_or_name: str) -> EvaluationSet:
    """One set. Raises NotFound."""
    named = or_(table.c.id == id_or_name, table.c.name == id_or_name)
    query = select(table).where(table.c.workspace == scope.workspace, named)
    query = query.order_by(table.c.id != id_or_name).limit(1)  # a name may be the id of another
    return of_row(EvaluationSet, one(tx, query, "question set", id_or_name))


def page(tx: Transaction, scope: Scope, request: PageRequest) -> Listing[EvaluationSet]:
    """A part of the sets, newest first."""
    query = select(table).where(table.c.workspace == scope.workspace)
    make = partial(of_row, EvaluationSet)
    return listing(tx, query, table.c.id, request, make, newest_first=True)


def change(
    tx: Transaction, scope: Scope, id_or_name: str, values: Mapping[str, Any]
) -> EvaluationSet:
    """Rename or describe a set. Raises NotFound or Conflict."""
    found = get(tx, scope, id_or_name)
    if not values:
        return found
    try:
        tx.execute(update(table).where(table.c.id == found.id).values(**values))
    except IntegrityError as exc:
        raise Conflict(f"A question set {values['name']!r} is there already.") from exc
    return get(tx, scope, found.id)


def remove(tx: Transaction, scope: Scope, id_or_name: str) -> None:
    """Delete a set with its questions; runs keep what they asked. Raises NotFound."""
    found = get(tx, scope, id_or_name)
    tx.execute(delete(questions).where(questions.c.set_id == found.id))
    tx.execute(delete(table).where(table.c.id == found.id))


def add_questions(
    tx: Transaction, scope: Scope, id_or_name: str, rows: Iterable[Mapping[str, Any]]
) -> list[NumberedQuestion]:
    """Put questions behind those of a set; one that is there word for word is not added again.

    Raises:
        NotFound: there is no such set.
        Rejected: it would have too many.
    """
    found = get(tx, scope, id_or_name)
    known = {each.question["question"] for each in every(tx, found.id)}
    fresh = {row["question"]: row for row in reversed(list(rows)) if row["question"] not in known}
    if found.questions + len(fresh) > MOST_QUESTIONS:
        raise Rejected(f"A set holds at most {MOST_QUESTIONS:,} questions. Make another one.")
    first = dialect.next_number(tx, questions.c.number, questions.c.set_id == found.id)
    added = [
        NumberedQuestion(number, {**row, "id": str(number)})
        for number, row in enumerate(reversed(fresh.values()), start=first)
    ]
    for part in batched([{"set_id": found.id, **each._asdict()} for each in added], _AT_ONCE):
        tx.execute(insert(questions), part)
    _recount(tx, found.id)
    return added


def change_question(
    tx: Transaction, scope: Scope, id_or_name: str, number: int, row: Mapping[str, Any]
) -> NumberedQuestion:
    """Write a question anew. Raises NotFound."""
    own = (questions.c.set_id == get(tx, scope, id_or_name).id) & (questions.c.number == number)
    row = {**row, "id": str(number)}
    if not tx.execute(update(questions).where(own).values(question=row)).rowcount:
        raise NotFound("question", str(number))
    return NumberedQuestion(number, row)


def remove_question(tx: Transaction, scope: Scope, id_or_name: str, number: int) -> None:
    """Delete a question. Raises NotFound."""
    found = get(tx, scope, id_or_name)
    own = (questions.c.set_id == found.id) & (questions.c.number == number)
    if not tx.execute(delete(questions).where(own)).rowcount:
        raise NotFound("question", str(number))
    _recount(tx, found.id)


def questions_of(
    tx: Transaction, scope: Scope, id_or_name: str, request: PageRequest
) -> Listing[NumberedQuestion]:
    """A part of the questions, in their order. Raises NotFound."""
    query = select(questions).where(questions.c.set_id == get(tx, scope, id_or_name).id)
    return listing(tx, query, questions.c.number, request, _numbered)


def every(tx: Transaction, set_id: str) -> Sequence[NumberedQuestion]:
    """All questions of a set, in their order."""
    query = select(questions).where(questions.c.set_id == set_id).order_by(questions.c.number)
    return [_numbered(row) for row in tx.execute(query)]


def _numbered(row: Any) -> NumberedQuestion:
    return NumberedQuestion(row.number, row.question)


def _recount(tx: Transaction, set_id: str) -> None:
    own = select(func.count()).select_from(questions).where(questions.c.set_id == set_id)
    counted = update(table).where(table.c.id == set_id).values(questions=own.scalar_subquery())
    tx.execute(counted)
