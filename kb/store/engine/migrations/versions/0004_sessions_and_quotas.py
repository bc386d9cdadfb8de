"""Console sessions that can be ended, and what keys and datasets may keep and bring in."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Additive. Sessions of an older version are not known: their people sign in again."""
    op.create_table(
        "sessions",
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("expires", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_sessions")),
    )
    for table in ("keys", "datasets"):
        op.add_column(table, sa.Column("quota", sa.JSON(), nullable=True))
    for table in ("documents", "batches", "uploads"):
        op.add_column(table, sa.Column("key_id", sa.String(), nullable=True))
    for owner in ("dataset_id", "key_id"):
        _index("documents", owner, "sha256", "size_bytes")
        _index("batches", owner, "created_at")


def _index(table: str, *columns: str) -> None:
    op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns))
