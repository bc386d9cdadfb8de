"""Switches of documents and pieces, days on which documents are valid, labels."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("documents", sa.Column("enabled", sa.Boolean()))
    op.add_column("documents", sa.Column("valid_from", sa.String()))
    op.add_column("documents", sa.Column("valid_until", sa.String()))
    op.add_column("documents", sa.Column("labels", sa.JSON()))
    op.add_column("chunks", sa.Column("enabled", sa.Boolean()))
    op.add_column("keys", sa.Column("labels", sa.JSON()))
