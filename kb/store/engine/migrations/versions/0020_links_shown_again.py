"""The text of a widget key is kept sealed."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.add_column("keys", sa.Column("sealed", sa.LargeBinary()))
