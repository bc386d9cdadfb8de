"""What is to be sent to webhooks, and how it went. `kb.store.content.outbox` writes the rows.

One process sends, and keeps in memory what it has in hand: what a crash interrupts is still pending
and is sent again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, delete, select, update

from kb.errors import Conflict
from kb.ids import now, rfc3339
from kb.store.access.secrets import Secrets
from kb.store.content import documents, outbox
from kb.store.engine import schema
from kb.store.engine.database import Transaction, notify_after
from kb.store.engine.paging import Listing, PageRequest, listing, one
from kb.store.engine.schema.columns import of_row, to_row
from kb.store.webhooks import webhooks
from kb.types import TEST_EVENT, Delivery, DeliveryStatus, Scope

table = schema.deliveries
hooks = schema.webhooks

AT_ONCE = 4
"""Deliveries that one webhook is sent side by side; a failing one is sent one after the other."""
LONGEST_WAIT = timedelta(days=2)
"""A time further off is of before the clock was set back, and has come."""

KEPT = timedelta(days=30)
OFF_AFTER = timedelta(days=3)
OFF_FAILURES = 20
"""Failed tries in a row, over at least `OFF_AFTER`, that switch a webhook off: one event alone is
tried ten times, within a day or so."""
GONE = 410
"""Standard Webhooks: who answers so wants no more."""


class Due(NamedTuple):
    """A delivery, where it goes, and the secrets that sign it, the newest first."""

    delivery: Delivery
    url: str
    secrets: list[str]


def due(tx: Transaction, vault: Secrets, in_hand: Mapping[str, Sequence[str]]) -> list[Due]:
    """What is to be sent now, the oldest first.

    Args:
        in_hand: webhook id → ids of the deliveries that are being sent already.
    """
    moment = datetime.now(UTC)
    is_due = (table.c.next_attempt_at <= rfc3339(moment)) | (
        table.c.next_attempt_at > rfc3339(moment + LONGEST_WAIT)
    )
    found: list[Due] = []
    for webhook in tx.execute(select(hooks)).all():
        busy = in_hand.get(webhook.id, ())
        room = (1 if webhook.failures else AT_ONCE) - len(busy)
        own = _DELIVERIES.where(table.c.webhook_id == webhook.id, table.c.status == "pending")
        if not webhook.active:
            own = own.where(table.c.event == TEST_EVENT)
        waiting = own.where(is_due, table.c.id.not_in(busy)).order_by(table.c.next_attempt_at)
        rows = tx.execute(waiting.limit(max(room, 0))).all()
        secrets = webhooks.secrets_of(webhook, vault) if rows else []
        found += [Due(_delivery(row), webhook.url, secrets) for row in rows]
    return found


def record(tx: Transaction, tried: Delivery) -> bool:
    """Note how a try went; returns whether that switched its webhook off."""
    values = {name: value for name, value in to_row(tried).items() if name not in ("id", "data")}
    document_id = tried.data.get("document_id")
    if document_id and not documents.names(tx, [document_id]):  # deleted meanwhile
        values["response"] = None
    tx.execute(update(table).where(table.c.id == tried.id).values(**values))
    own = hooks.c.id == tried.webhook_id
    webhook = tx.execute(select(hooks).where(own)).one_or_none()
    if webhook is None or tried.event == TEST_EVENT or not (tried.error or webhook.failures):
        return False
    state = _after_failure(webhook, tried) if tried.error else webhooks.WORKING
    tx.execute(update(hooks).where(own).values(**state))
    return "active" in state


def _after_failure(webhook: Row[Any], tried: Delivery) -> dict[str, Any]:
    """How a webhook stands after one more failed try."""
    moment = datetime.now(UTC)
    failures, since = webhook.failures + 1, webhook.failing_since or rfc3339(moment)
    is_lasting = failures >= OFF_FAILURES and since <= rfc3339(moment - OFF_AFTER)
    is_over = webhook.active and (is_lasting or tried.response_status == GONE)
    off = {"active": False, "switched_off_at": rfc3339(moment)} if is_over else {}
    return {"failures": failures, "failing_since": since, **off}


def page(
    tx: Transaction,
    scope: Scope,
    webhook_id: str,
    request: PageRequest,
    *,
    status: DeliveryStatus | None = None,
) -> Listing[Delivery]:
    """A part of what a webhook was sent or is to be sent, newest first. Raises NotFound."""
    webhooks.get(tx, scope, webhook_id)
    query = _DELIVERIES.where(table.c.webhook_id == webhook_id)
    if status is not None:
        query = query.where(table.c.status == status)
    return listing(tx, query, table.c.id, request, _delivery, newest_first=True)


def get(tx: Transaction, scope: Scope, webhook_id: str, delivery_id: str) -> Delivery:
    """One delivery. Raises NotFound."""
    webhooks.get(tx, scope, webhook_id)
    own = _DELIVERIES.where(table.c.webhook_id == webhook_id, table.c.id == delivery_id)
    return _delivery(one(tx, own, "delivery", delivery_id))


def try_out(tx: Transaction, scope: Scope, webhook_id: str) -> Delivery:
    """Queue a test event, also for a webhook that is off. Raises NotFound."""
    webhooks.get(tx, scope, webhook_id)
    return get(tx, scope, webhook_id, outbox.put_test(tx, webhook_id))


def send_again(tx: Transaction, scope: Scope, webhook_id: str, delivery_id: str) -> Delivery:
    """Send a delivery now, whatever has become of it, and with all its tries anew.

    Raises:
        NotFound: there is no such delivery.
        Conflict: the webhook is off.
    """
    event = get(tx, scope, webhook_id, delivery_id).event
    if event != TEST_EVENT and not webhooks.get(tx, scope, webhook_id).active:
        raise Conflict('The webhook is switched off. Switch it on with PATCH {"active": true}.')
    anew = {"status": "pending", "attempts": 0, "next_attempt_at": now()}
    tx.execute(update(table).where(table.c.id == delivery_id).values(**anew))
    notify_after(tx, outbox.KIND)
    return get(tx, scope, webhook_id, delivery_id)


def prune(tx: Transaction) -> None:
    """Forget what is older than `KEPT`, also what a webhook that is off was to be sent."""
    tx.execute(delete(table).where(table.c.created_at < rfc3339(datetime.now(UTC) - KEPT)))


_DELIVERIES: Select[Any] = select(table, schema.documents.c.name.label("document_name")).join(
    schema.documents, schema.documents.c.id == table.c.subject, isouter=True
)


def _delivery(row: Row[Any]) -> Delivery:
    named = {} if row.document_name is None else {"document_name": row.document_name}
    return of_row(Delivery, row, data={**row.data, **named})
