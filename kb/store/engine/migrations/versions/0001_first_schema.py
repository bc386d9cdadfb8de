"""The first schema. Only older folders began with it: a new one gets the tables as they are now."""

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Nothing: no folder is older."""
