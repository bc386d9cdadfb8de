"""Files are kept by themselves, and datasets can be described and expire as vector stores do."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "files",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.Column("key_id", sa.String()),
        sa.Column("expires", sa.Float()),
        sa.Column("workspace", sa.String(), nullable=False),
    )
    op.create_index(op.f("ix_files_sha256"), "files", ["sha256"])
    op.create_index(op.f("ix_files_key_id_size_bytes"), "files", ["key_id", "size_bytes"])
    op.add_column("documents", sa.Column("file_id", sa.String()))
    op.create_index(op.f("ix_documents_file_id"), "documents", ["file_id"])
    op.add_column("datasets", sa.Column("metadata", sa.JSON()))
    op.add_column("datasets", sa.Column("expires_after_days", sa.Integer()))
    op.add_column("datasets", sa.Column("active_at", sa.String()))
