"""Usage by end user is told page after page, in the order of their names."""

from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.create_index(op.f("ix_user_usage_end_user"), "user_usage", ["end_user"])
