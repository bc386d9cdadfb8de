"""Alembic calls this file; the connection comes from `upgrade()`."""

from alembic import context

from kb.store.engine.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
