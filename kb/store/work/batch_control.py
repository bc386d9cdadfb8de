"""Pausing, resuming, cancelling and retrying a batch, or one document, each in one transaction.

What is already stored and only waits to be indexed is not stopped: it becomes ready.
"""

from __future__ import annotations

from sqlalchemy import and_, delete, select, update

from kb.errors import Conflict
from kb.ids import now
from kb.store.content import documents, outbox
from kb.store.engine import schema
from kb.store.engine.database import Transaction, notify_after
from kb.store.work import batches, jobs
from kb.types import Document, Failure, Scope

table = schema.batches
items = schema.batch_items
document_rows = schema.documents

CANCELLED = Failure(
    "cancelled", "The batch was cancelled before this document was indexed. Retry it to go on."
)


def pause(tx: Transaction, scope: Scope, batch_id: str) -> None:
    """Begin no further document of a batch. Raises NotFound."""
    _set_paused(tx, scope, batch_id, True)


def resume(tx: Transaction, scope: Scope, batch_id: str) -> None:
    """Go on with a paused batch. Raises NotFound."""
    _set_paused(tx, scope, batch_id, False)
    notify_after(tx, "index", "expand")


def cancel(tx: Transaction, scope: Scope, batch_id: str) -> None:
    """Give up what is not indexed yet: it fails with the code `cancelled`. Raises NotFound.

    A document that was being replaced keeps answering with its old version.
    """
    _set_paused(tx, scope, batch_id, False)
    own = schema.jobs.c.batch_id == batch_id
    queued = select(schema.jobs.c.subject).where(own)
    given_up = {"status": "failed", "error": CANCELLED, "updated_at": now()}
    which = document_rows.c.id.in_(queued)
    with outbox.watched(tx, which):
        tx.execute(update(document_rows).where(which).values(**given_up))
    tx.execute(delete(schema.jobs).where(own))


def retry(tx: Transaction, scope: Scope, batch_id: str) -> int:
    """Queue the failed documents of a batch again; returns how many. Raises NotFound.

    Those whose bytes were not kept stay failed: they have to be uploaded again.
    """
    batches.row_of(tx, scope, batch_id)
    same = and_(
        document_rows.c.id == items.c.document_id, document_rows.c.version == items.c.version
    )
    failed = (
        select(document_rows.c.id, document_rows.c.version, document_rows.c.media_type)
        .join_from(items, document_rows, same)
        .where(items.c.batch_id == batch_id, document_rows.c.status == "failed")
        .where(document_rows.c.sha256 != "")
    )
    rows = tx.execute(failed).all()
    again = {"status": "pending", "error": None, "batch_id": batch_id, "updated_at": now()}
    found = select(failed.subquery().c.id)
    tx.execute(update(document_rows).where(document_rows.c.id.in_(found)).values(**again))
    jobs.drop(tx, *(row.id for row in rows))
    for kind in jobs.KINDS:
        own = [row for row in rows if jobs.kind_of(row.media_type) == kind]
        payloads = {row.id: {"version": row.version, "key": scope.key_id} for row in own}
        jobs.add(tx, kind, payloads, batch_id)
    return len(rows)


def retry_document(tx: Transaction, scope: Scope, document_id: str) -> Document:
    """Queue a failed document again.

    Raises:
        Conflict: it has not failed.
    """
    document = documents.get(tx, scope, document_id)
    if document.status != "failed":
        raise Conflict(
            f"Document {document.name!r} is {document.status}; only a failed one retries."
        )
    if not document.sha256:
        raise Conflict(f"The bytes of {document.name!r} were not kept. Upload it again.")
    requeue_document(tx, document_id)
    return documents.get(tx, scope, document_id)


def requeue_document(tx: Transaction, document_id: str) -> None:
    """Queue a document as it is."""
    document = documents.get(tx, Scope.admin(), document_id)
    documents.set_status(tx, document_id, "pending")
    jobs.drop(tx, document_id)
    queued = {document_id: {"version": document.version}}
    jobs.add(tx, jobs.kind_of(document.media_type), queued, document.batch_id or "")


def _set_paused(tx: Transaction, scope: Scope, batch_id: str, paused: bool) -> None:
    batches.row_of(tx, scope, batch_id)
    tx.execute(update(table).where(table.c.id == batch_id).values(paused=paused))
