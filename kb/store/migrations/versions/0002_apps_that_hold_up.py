"""What re-indexing beside, limits, replays and circuit breakers need."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Additive only: a data folder of the first schema keeps all it has."""
