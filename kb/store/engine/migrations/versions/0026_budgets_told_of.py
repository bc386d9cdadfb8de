"""What was told last of a budget that is nearly or wholly used up."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.add_column("budgets", sa.Column("told", sa.String()))
