"""Runs that other processes may follow, and what processes count together."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

GOES_ON = sa.text("terminal IS NULL")


def upgrade() -> None:
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String()),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("key_id", sa.String()),
        sa.Column("external_id", sa.String()),
        sa.Column("expected_tokens", sa.Integer(), nullable=False),
        sa.Column("unfinished", sa.Text(), nullable=False),
        sa.Column("followed_until", sa.Float(), nullable=False),
        sa.Column("stop", sa.String()),
        sa.Column("kept", sa.Integer()),
        sa.Column("last", sa.Integer()),
        sa.Column("terminal", sa.Text()),
        sa.Column("ended_at", sa.Float()),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_runs")),
    )
    only = {"sqlite_where": GOES_ON, "postgresql_where": GOES_ON}
    op.create_index(op.f("ix_runs_external_id"), "runs", ["external_id"])
    op.create_index(op.f("ix_runs_ended_at"), "runs", ["ended_at"])
    op.create_index("ix_runs_in_progress", "runs", ["owner"], **only)
    op.create_table(
        "run_events",
        sa.Column("run_id", sa.String()),
        sa.Column("seq", sa.Integer()),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("events", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "seq", name=op.f("pk_run_events")),
    )
    op.create_table(
        "counters",
        sa.Column("name", sa.String()),
        sa.Column("owner", sa.String()),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", "owner", name=op.f("pk_counters")),
    )
    op.create_table(
        "turns",
        sa.Column("name", sa.String()),
        sa.Column("owner", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_turns")),
    )
