"""Originals on another machine are deleted outside of transactions."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_table(
        "removals",
        sa.Column("sha256", sa.String(), primary_key=True),
        sa.Column("is_kept", sa.Boolean(), nullable=False),
        sa.Column("begun_at", sa.Float()),
        sa.Column("ended_at", sa.Float()),
    )
    op.create_index(op.f("ix_removals_ended_at"), "removals", ["ended_at"])
