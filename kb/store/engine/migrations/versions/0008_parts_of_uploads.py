"""A part of a parallel upload belongs to no dataset: only the whole file names one."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    with op.batch_alter_table("uploads") as table:
        table.alter_column("dataset_id", nullable=True)
