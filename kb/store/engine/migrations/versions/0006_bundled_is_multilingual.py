"""The name of an embedder means another model: what was built with the former keeps it."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    for table in ("datasets", "generations"):
        op.execute(
            f"UPDATE {table} SET model = 'bundled-en' WHERE model = 'bundled'"
            " OR (model IS NULL AND embedder LIKE 'all-MiniLM-L6-v2@%')"
        )
    op.execute("INSERT INTO marks (name, value) VALUES ('bundled_meant_english', 'yes')")
