"""The webhooks; their secrets are sealed."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from kb.errors import Rejected
from kb.ids import new_id, now, rfc3339
from kb.store.access.secrets import Secrets
from kb.store.content import datasets
from kb.store.engine import schema
from kb.store.engine.database import Transaction
from kb.store.engine.paging import Listing, PageRequest, listing, one
from kb.store.engine.schema.columns import of_row, to_row
from kb.types import EventName, NewWebhook, Scope, Webhook
from kb.types.webhooks import OF_NO_DATASET

table = schema.webhooks

SECRET_BYTES = 32
WORKING: Mapping[str, Any] = {"failures": 0, "failing_since": None}


def create(
    tx: Transaction,
    scope: Scope,
    vault: Secrets,
    url: str,
    events: tuple[EventName, ...],
    dataset_ids: tuple[str, ...],
) -> NewWebhook:
    """Add a webhook; its secret, `whsec_…`, is returned this once.

    Raises:
        NotFound: a dataset cannot be seen.
        Rejected: it is limited to datasets, and an event belongs to none.
    """
    secret, webhook_id = _new_secret(), new_id("hook")
    told = {"url": url, "events": events, "dataset_ids": dataset_ids, "active": True}
    kept = {"workspace": scope.workspace, "created_at": now(), "secret_sealed": vault.seal(secret)}
    tx.execute(insert(table).values(id=webhook_id, **told, **kept, **WORKING))
    return NewWebhook(**to_row(_checked(tx, scope, webhook_id, dataset_ids)), secret=secret)


def get(tx: Transaction, scope: Scope, webhook_id: str) -> Webhook:
    """One webhook. Raises NotFound."""
    own = select(table).where(table.c.id == webhook_id, table.c.workspace == scope.workspace)
    return of_row(Webhook, one(tx, own, "webhook", webhook_id))


def page(tx: Transaction, scope: Scope, request: PageRequest) -> Listing[Webhook]:
    """A part of the webhooks."""
    own = select(table).where(table.c.workspace == scope.workspace)
    return listing(tx, own, table.c.id, request, partial(of_row, Webhook))


def change(tx: Transaction, scope: Scope, webhook_id: str, changes: Mapping[str, Any]) -> Webhook:
    """Change some fields; switched on, it counts as one that has not failed. Raises as `create`."""
    get(tx, scope, webhook_id)
    working = {**WORKING, "switched_off_at": None} if changes.get("active") else {}
    if changes:
        tx.execute(update(table).where(table.c.id == webhook_id).values(**changes, **working))
    return _checked(tx, scope, webhook_id, changes.get("dataset_ids", ()))


def rotate(
    tx: Transaction, scope: Scope, vault: Secrets, webhook_id: str, *, grace_s: int
) -> NewWebhook:
    """Give it a new secret; the old one signs as well for `grace_s` seconds. Raises NotFound."""
    get(tx, scope, webhook_id)
    secret, until = _new_secret(), datetime.now(UTC) + timedelta(seconds=grace_s)
    values = {
        "secret_sealed": vault.seal(secret),
        "previous_sealed": table.c.secret_sealed if grace_s else None,
        "previous_until": rfc3339(until) if grace_s else None,
    }
    tx.execute(update(table).where(table.c.id == webhook_id).values(**values))
    return NewWebhook(**to_row(get(tx, scope, webhook_id)), secret=secret)


def remove(tx: Transaction, scope: Scope, webhook_id: str) -> None:
    """Delete a webhook with its deliveries; what waits is not sent. Raises NotFound."""
    get(tx, scope, webhook_id)
    sent = schema.deliveries
    tx.execute(delete(sent).where(sent.c.webhook_id == webhook_id))
    tx.execute(delete(table).where(table.c.id == webhook_id))


def secrets_of(row: Row[Any], vault: Secrets) -> list[str]:
    """What signs now, the newest first; empty if it was sealed with another secret."""
    has_two = row.previous_until is not None and row.previous_until > now()
    sealed = [row.secret_sealed, *([row.previous_sealed] if has_two else ())]
    return [secret for each in sealed if (secret := vault.unseal(each)) is not None]


def _checked(tx: Transaction, scope: Scope, webhook_id: str, named: Iterable[str]) -> Webhook:
    """A webhook after a change that named these datasets; others may have been deleted since."""
    webhook = get(tx, scope, webhook_id)
    for dataset_id in named:
        datasets.get(tx, scope, dataset_id)
    if webhook.dataset_ids and (of_none := OF_NO_DATASET.intersection(webhook.events)):
        raise Rejected(
            f"Of no dataset: {', '.join(sorted(of_none))}. Leave out `dataset_ids` for them."
        )
    return webhook


def _new_secret() -> str:
    return "whsec_" + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
