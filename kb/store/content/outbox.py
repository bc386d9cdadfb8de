"""What webhooks are to be told, written in the transaction of what it tells.

So a crash loses no event and invents none. Where no webhook wants one, nothing is looked at. Rows
hold ids: the name of a document is looked up when it is sent, so an erasure has none to look for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, delete, func, insert, select, update

from kb.ids import new_id, now
from kb.store.engine import dialect, schema
from kb.store.engine.database import Transaction, notify_after
from kb.types import TEST_EVENT, Budget, Feedback

table = schema.deliveries
batches = schema.batches
items = schema.batch_items
documents = schema.documents

KIND = "deliver"
"""Of the notices that there is something to send."""

_SAME = (documents.c.id == items.c.document_id) & (documents.c.version == items.c.version)
_IN_WORK = documents.c.status.in_(("pending", "indexing"))
_STATES = select(documents.c.id, documents.c.status, documents.c.version)


class _Event(NamedTuple):
    name: str
    dataset_id: str | None
    subject: str
    data: Mapping[str, Any]


@contextmanager
def watched(tx: Transaction, which: ColumnElement[bool]) -> Iterator[None]:
    """Tell of the documents that a change makes ready or failed, and of the batches that have
    nothing left to do after it, also because their last document is gone."""
    wanting = _wanting(tx)
    if not wanting:
        yield
        return
    before = {row.id: (row.status, row.version) for row in tx.execute(_STATES.where(which))}
    of_them = select(items.c.batch_id).distinct().join(documents, _SAME)
    waiting = tx.execute(of_them.where(which, _IN_WORK)).scalars().all()
    yield
    after = select(documents).where(dialect.among(documents.c.id, before))
    changed = [row for row in tx.execute(after) if (row.status, row.version) != before[row.id]]
    _put(tx, wanting, [*_settled(changed), *_completed(tx, waiting)])


def tell_added(tx: Transaction, batch_id: str, document_ids: Collection[str]) -> None:
    """Tell of what is done as soon as it is taken in: new documents that have failed, and a batch
    that brought nothing to do."""
    if wanting := _wanting(tx):
        added = select(documents).where(dialect.among(documents.c.id, document_ids))
        _put(tx, wanting, [*_settled(tx.execute(added)), *_completed(tx, [batch_id])])


def tell_completed(tx: Transaction, batch_id: str) -> None:
    """Tell of a batch, if nothing in it is left to do."""
    tell_added(tx, batch_id, ())


def tell_feedback(tx: Transaction, app_id: str, conversation_id: str, given: Feedback) -> None:
    """Tell that somebody has said or changed what they think of an answer; their words stay."""
    ids = {"message_id": given.message_id, "conversation_id": conversation_id, "app_id": app_id}
    data = {**ids, "source": given.source, "rating": given.rating, "reason": given.reason}
    _put(tx, _wanting(tx), [_Event("feedback.created", None, given.message_id, data)])


def tell_budget(tx: Transaction, budget: Budget) -> None:
    """Tell that a budget is nearly or wholly used up."""
    data = asdict(budget)
    event = _Event(f"budget.{data.pop('state')}", None, budget.id, data)
    _put(tx, _wanting(tx), [event])


def put_test(tx: Transaction, webhook_id: str) -> str:
    """Queue an event that tells nothing; returns the id of its delivery."""
    row = _row(webhook_id, _Event(TEST_EVENT, None, webhook_id, {"webhook_id": webhook_id}))
    tx.execute(insert(table).values(row))
    notify_after(tx, KIND)
    return str(row["id"])


def black_out(tx: Transaction, document_id: str) -> None:
    """Forget what receivers have answered about a document: they may have echoed its name."""
    own = update(table).where(table.c.subject == document_id)
    tx.execute(own.values(response=None))


def forget_messages(tx: Transaction, which: Any) -> None:
    """Forget the events about messages that a query of ids names."""
    tx.execute(delete(table).where(table.c.subject.in_(which)))


def _wanting(tx: Transaction) -> Sequence[Row[Any]]:
    return tx.execute(_ACTIVE).all()


_ACTIVE = select(schema.webhooks).where(schema.webhooks.c.active)
"""Made once: making a statement takes longer than running it."""


def _settled(rows: Any) -> Iterator[_Event]:
    for row in rows:
        if row.status in ("ready", "failed"):
            data = {"document_id": row.id, "dataset_id": row.dataset_id, "version": row.version}
            if row.status == "failed" and row.error is not None:
                data["error"] = {"code": row.error.code}  # its sentence may quote the document
            data["batch_id"] = row.batch_id
            yield _Event(f"document.{row.status}", row.dataset_id, row.id, data)


def _completed(tx: Transaction, batch_ids: Collection[str]) -> Iterator[_Event]:
    in_work = select(documents.c.id).join(items, _SAME).where(items.c.batch_id == batches.c.id)
    in_work = in_work.where(documents.c.dataset_id == batches.c.dataset_id, _IN_WORK)
    done = select(batches).where(dialect.among(batches.c.id, batch_ids), ~in_work.exists())
    for batch in tx.execute(done).all() if batch_ids else ():
        status = func.coalesce(documents.c.status, "removed")
        query = select(status, func.count()).join_from(items, documents, _SAME, isouter=True)
        rows = tx.execute(query.where(items.c.batch_id == batch.id).group_by(status)).all()
        counts = {row[0]: row[1] for row in rows}
        data = {"batch_id": batch.id, "dataset_id": batch.dataset_id, "total": sum(counts.values())}
        data |= {name: counts.get(name, 0) for name in ("ready", "failed", "removed")}
        yield _Event("batch.completed", batch.dataset_id, batch.id, data)


def _put(tx: Transaction, wanting: Sequence[Row[Any]], events: Collection[_Event]) -> None:
    rows = [
        _row(webhook.id, event)
        for event in events
        for webhook in wanting
        if event.name in webhook.events
        and (not webhook.dataset_ids or event.dataset_id in webhook.dataset_ids)
    ]
    if rows:
        tx.execute(insert(table), rows)
        notify_after(tx, KIND)


def _row(webhook_id: str, event: _Event) -> dict[str, Any]:
    moment = now()
    made = {"id": new_id("dlv"), "webhook_id": webhook_id, "created_at": moment}
    told = {"event": event.name, "subject": event.subject, "data": event.data}
    return {**made, **told, "status": "pending", "attempts": 0, "next_attempt_at": moment}
