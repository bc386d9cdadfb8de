"""The queue takes any kind of work, and rows say which process they belong to."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """What is queued stays queued. Nobody works on it: whoever migrates owns the folder."""
    op.create_table(
        "queue",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("batch_id", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("run_after", sa.Float(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("lease_until", sa.Float(), nullable=True),
        sa.Column("progress", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queue")),
        sa.UniqueConstraint("subject", "kind", name=op.f("uq_queue_subject_kind")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_queue_batch_id"), "queue", ["batch_id"])
    op.create_index(op.f("ix_queue_kind_attempts_id"), "queue", ["kind", "attempts", "id"])
    op.execute(
        "INSERT INTO queue (id, kind, subject, payload, batch_id, attempts, token, run_after,"
        " progress) SELECT id, kind, document_id,"
        " '{\"version\": ' || version || ', \"done\": ' || done || '}',"
        " batch_id, attempts, token, 0, progress FROM jobs"
    )
    op.drop_table("jobs")
    op.rename_table("strides", "throughput")
    op.add_column("embeddings", sa.Column("owner", sa.String(), nullable=True))
