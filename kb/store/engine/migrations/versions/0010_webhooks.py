"""Webhooks and the outbox of their events; the batches of a document are found by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("dataset_ids", sa.JSON(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", sa.String()),
        sa.Column("switched_off_at", sa.String()),
        sa.Column("previous_until", sa.String()),
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("previous_sealed", sa.LargeBinary()),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("webhook_id", sa.String(), sa.ForeignKey("webhooks.id"), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.Column("next_attempt_at", sa.String()),
        sa.Column("response_status", sa.Integer()),
        sa.Column("response", sa.String()),
        sa.Column("error", sa.String()),
        sa.Column("duration_ms", sa.Float()),
        sa.Column("subject", sa.String(), nullable=False),
    )
    due = ["webhook_id", "status", "next_attempt_at"]
    op.create_index("ix_deliveries_webhook_id_status_next_attempt_at", "deliveries", due)
    op.create_index("ix_deliveries_subject", "deliveries", ["subject"])
    op.create_index("ix_batch_items_document_id", "batch_items", ["document_id"])
