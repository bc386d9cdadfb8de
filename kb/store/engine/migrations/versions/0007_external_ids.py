"""A conversation can be found under the name that its client gave it."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("conversations", sa.Column("external_id", sa.String()))
    index = op.f("ix_conversations_external_id")
    op.create_index(index, "conversations", ["external_id"], unique=True)
