"""A dislike may say what it is about."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.add_column("feedback", sa.Column("reason", sa.String()))
