"""Webhooks and what is to be sent to them: written with what it tells, sent later."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKeyConstraint, Index, LargeBinary, String, Table

from kb.store.engine.schema.columns import columns, metadata
from kb.types import Delivery, Webhook

webhooks = Table(
    "webhooks",
    metadata,
    *columns(Webhook, "id"),
    Column("workspace", String, nullable=False),
    Column("secret_sealed", LargeBinary, nullable=False),
    Column("previous_sealed", LargeBinary),
)

deliveries = Table(
    "deliveries",
    metadata,
    *columns(Delivery, "id"),
    Column("subject", String, nullable=False, index=True),
    ForeignKeyConstraint(["webhook_id"], ["webhooks.id"]),
    Index(None, "webhook_id", "status", "next_attempt_at"),
)
