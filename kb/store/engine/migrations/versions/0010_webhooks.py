"""Webhooks and the outbox of their events; the batches of a document are found by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    moments = ("failing_since", "switched_off_at", "previous_until")
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String(), primary_key=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("url", "created_at", "workspace")),
        *(sa.Column(name, sa.JSON(), nullable=False) for name in ("events", "dataset_ids")),
        *(sa.Column(name, sa.String()) for name in moments),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("previous_sealed", sa.LargeBinary()),
    )
    texts = ("event", "status", "created_at", "subject")
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("webhook_id", sa.String(), sa.ForeignKey("webhooks.id"), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in texts),
        *(sa.Column(name, sa.String()) for name in ("next_attempt_at", "response", "error")),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("response_status", sa.Integer()),
        sa.Column("duration_ms", sa.Float()),
    )
    due = ["webhook_id", "status", "next_attempt_at"]
    op.create_index("ix_deliveries_webhook_id_status_next_attempt_at", "deliveries", due)
    op.create_index("ix_deliveries_subject", "deliveries", ["subject"])
    op.create_index("ix_batch_items_document_id", "batch_items", ["document_id"])
