"""Alembic's side of the schema. One file per change in `versions/`; the newest is `schema.HEAD`."""
