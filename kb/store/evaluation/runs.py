"""Runs and what became of their questions. A run ends once: what has ended changes no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import delete, insert, select, update

from kb.errors import Conflict
from kb.ids import now
from kb.iteration import batched
from kb.store.apps import redaction
from kb.store.engine import schema
from kb.store.engine.database import Transaction
from kb.store.engine.paging import Listing, PageRequest, listing, one
from kb.store.engine.schema.columns import of_row, to_row
from kb.store.upkeep import erasures
from kb.store.work import jobs as queue
from kb.types import EvaluationOutcome, EvaluationRun, EvaluationStatus, Failure, Scope

table = schema.evaluation_runs
outcomes = schema.evaluation_outcomes

KIND: queue.JobKind = "evaluate"
ENDED: frozenset[EvaluationStatus] = frozenset({"succeeded", "failed", "cancelled"})
"""What a run does not leave again."""
_AT_ONCE = 1000


def add(
    tx: Transaction, scope: Scope, run: EvaluationRun, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Store a new run with its questions, and queue it."""
    tx.execute(insert(table).values(workspace=scope.workspace, **to_row(run)))
    waiting = [
        to_row(EvaluationOutcome(run.id, number, row)) for number, row in enumerate(rows, start=1)
    ]
    for part in batched(waiting, _AT_ONCE):
        tx.execute(insert(outcomes), part)
    queue.add(tx, KIND, {run.id: {"key": run.key_id or ""}}, "")


def get(tx: Transaction, scope: Scope, run_id: str) -> EvaluationRun:
    """One run. Raises NotFound."""
    own = select(table).where(table.c.workspace == scope.workspace, table.c.id == run_id)
    return of_row(EvaluationRun, one(tx, own, "evaluation run", run_id))


def page(
    tx: Transaction, scope: Scope, request: PageRequest, set_id: str | None
) -> Listing[EvaluationRun]:
    """A part of the runs, of one set if that is given, newest first."""
    query = select(table).where(table.c.workspace == scope.workspace)
    query = query if set_id is None else query.where(table.c.set_id == set_id)
    make = partial(of_row, EvaluationRun)
    return listing(tx, query, table.c.id, request, make, newest_first=True)


def begin(tx: Transaction, run_id: str) -> EvaluationRun | None:
    """Note that a run goes on; None if it has ended or was deleted."""
    own = table.c.id == run_id, table.c.status.not_in(ENDED)
    row = tx.execute(select(table).where(*own)).one_or_none()
    if row is None:
        return None
    values = {"status": "running", "started_at": row.started_at or now()}
    tx.execute(update(table).where(*own).values(**values))
    return of_row(EvaluationRun, row)


def end(
    tx: Transaction,
    run_id: str,
    status: EvaluationStatus,
    *,
    error: Failure | None = None,
    summary: Mapping[str, Any] | None = None,
) -> None:
    """End a run that has not ended, and take it from the queue."""
    own = table.c.id == run_id, table.c.status.not_in(ENDED)
    values = {"status": status, "finished_at": now(), "error": error, "summary": summary}
    tx.execute(update(table).where(*own).values(**values))
    queue.drop(tx, run_id)


def remove(tx: Transaction, scope: Scope, run_id: str) -> None:
    """Forget a run that has ended. Raises NotFound or Conflict."""
    if (run := get(tx, scope, run_id)).status not in ENDED:
        raise Conflict(f"The run is {run.status}. Cancel it first.")
    tx.execute(delete(outcomes).where(outcomes.c.run_id == run_id))
    tx.execute(delete(table).where(table.c.id == run_id))


def next_outcome(tx: Transaction, run_id: str) -> EvaluationOutcome | None:
    """The first question that was not asked yet."""
    own = select(outcomes).where(outcomes.c.run_id == run_id, outcomes.c.is_done.is_(False))
    row = tx.execute(own.order_by(outcomes.c.number).limit(1)).one_or_none()
    return None if row is None else of_row(EvaluationOutcome, row)


def store(tx: Transaction, outcome: EvaluationOutcome) -> None:
    """Note what became of a question; a document can be deleted meanwhile."""
    named = {each["document_id"] for each in outcome.passages}
    gone = erasures.among(tx, named) if named else ()
    without = redaction.redacted(outcome.answer or "", outcome.passages, (), gone)
    own = outcomes.c.run_id == outcome.run_id, outcomes.c.number == outcome.number
    values = {**to_row(outcome), **(redaction.of_outcome(without) if without else {})}
    tx.execute(update(outcomes).where(*own).values(**values))
    counted = {"done": table.c.done + 1, "correct": table.c.correct + int(bool(outcome.is_right))}
    counted["judged"] = table.c.judged + int(outcome.is_right is not None)
    tx.execute(update(table).where(table.c.id == outcome.run_id).values(**counted))


def outcomes_of(
    tx: Transaction, scope: Scope, run_id: str, request: PageRequest
) -> Listing[EvaluationOutcome]:
    """A part of what became of the questions, in their order. Raises NotFound."""
    get(tx, scope, run_id)
    query = select(outcomes).where(outcomes.c.run_id == run_id)
    return listing(tx, query, outcomes.c.number, request, partial(of_row, EvaluationOutcome))


def done(tx: Transaction, run_id: str) -> list[EvaluationOutcome]:
    """What became of every question that was asked, in their order."""
    own = select(outcomes).where(outcomes.c.run_id == run_id, outcomes.c.is_done.is_(True))
    return [of_row(EvaluationOutcome, row) for row in tx.execute(own.order_by(outcomes.c.number))]
