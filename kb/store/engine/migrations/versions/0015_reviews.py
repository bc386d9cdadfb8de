"""Fixed answers have vectors and hits, and what went wrong is reviewed."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

WRONG = sa.text("(grounded IN (0, 2) OR CAST(unsupported AS VARCHAR) <> '[]')")


def upgrade() -> None:
    op.add_column("apps", sa.Column("annotation_score", sa.Float()))
    op.add_column("annotations", sa.Column("embedder", sa.String()))
    op.add_column("annotations", sa.Column("vector", sa.LargeBinary()))
    op.add_column("messages", sa.Column("annotation_id", sa.String()))
    op.add_column("messages", sa.Column("annotation_score", sa.Float()))
    op.add_column("messages", sa.Column("review", sa.JSON()))
    op.create_index(op.f("ix_messages_annotation_id"), "messages", ["annotation_id"])
    only = {"sqlite_where": WRONG, "postgresql_where": WRONG}
    op.create_index("ix_messages_wrong", "messages", ["app_id"], **only)
