"""Webhooks: addresses that are told what happens here, and what each of them was told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

EventName = Literal[
    "document.ready",
    "document.failed",
    "batch.completed",
    "feedback.created",
    "budget.warning",
    "budget.exceeded",
]
OF_NO_DATASET = frozenset[EventName](("feedback.created", "budget.warning", "budget.exceeded"))
"""An answer rests on any dataset of its app, and budgets are of keys and apps."""

TEST_EVENT = "webhook.test"
"""What is sent to try a webhook out; it is tried once."""

DeliveryStatus = Literal["pending", "delivered", "failed"]


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that events are sent to, without its secret.

    `dataset_ids` limits it to what happens in these datasets; empty: in all. `failures` are its
    failed tries in a row, the first of them at `failing_since`; at `switched_off_at` they had
    lasted too long, or it had answered 410. Until `previous_until` the secret from before the last
    rotation signs as well.
    """

    id: str
    url: str
    events: tuple[EventName, ...]
    dataset_ids: tuple[str, ...]
    active: bool
    created_at: str
    failures: int
    failing_since: str | None
    switched_off_at: str | None
    previous_until: str | None


@dataclass(frozen=True, slots=True)
class NewWebhook(Webhook):
    """A webhook with its secret, which is shown this once."""

    secret: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one webhook, and how the last try to send it went.

    Every try has the `id` as `webhook-id`. `data` holds ids and, of a document that is still there,
    its name. `response` is the beginning of what answered; `next_attempt_at` is None once it is
    delivered or given up.
    """

    id: str
    webhook_id: str
    event: str
    data: Mapping[str, Any]
    status: DeliveryStatus
    attempts: int
    created_at: str
    next_attempt_at: str | None
    response_status: int | None
    response: str | None
    error: str | None
    duration_ms: float | None
