"""Roll-outs of tuned variants: how far they are, and what was done to them."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "rollouts",
        sa.Column("app_id", sa.String(), sa.ForeignKey("apps.id"), primary_key=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("began_at", sa.String(), nullable=False),
        sa.Column("step_began_at", sa.String(), nullable=False),
        sa.Column("events", sa.JSON()),
    )
