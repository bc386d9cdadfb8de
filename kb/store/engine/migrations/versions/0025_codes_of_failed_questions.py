"""A question of a run that failed says why in a code too."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.add_column("evaluation_outcomes", sa.Column("error_code", sa.String()))
