"""What readers have been told of hidden prompts is kept."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "disclosures",
        sa.Column("app_id", sa.String(), nullable=False),
        sa.Column("prompt", sa.String(), nullable=False),
        sa.Column("reader", sa.String(), nullable=False),
        sa.Column("intervals", sa.JSON(), nullable=False),
        sa.Column("updated_at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_disclosures_app_id_apps")),
        sa.PrimaryKeyConstraint("app_id", "prompt", "reader", name=op.f("pk_disclosures")),
    )
