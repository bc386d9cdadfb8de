"""A job says whose turn it takes; those that are there already take turns as one."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    for name in ("key_id", "dataset_id"):
        op.add_column("queue", sa.Column(name, sa.String(), nullable=False, server_default=""))
    op.create_index(
        op.f("ix_queue_kind_key_id_dataset_id_attempts_id"),
        "queue",
        ["kind", "key_id", "dataset_id", "attempts", "id"],
    )
    # A database without statistics takes the two for equally good, and reads all that waits.
    op.drop_index(op.f("ix_queue_kind_attempts_id"), "queue")
