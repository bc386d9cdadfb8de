"""What one process of a cluster does at a time: session locks of Postgres, by name.

A lock ends with its connection, so a process that dies gives it back at once, and one that cannot
be reached any more as soon as the server notices. A round of work that still goes on there must do
no harm beside the next one: what duties are for can be repeated.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from kb.store.engine.postgres_server import reported

_TAKE = text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
_AWAIT = text("SELECT pg_advisory_lock(hashtextextended(:name, 0))")
_GIVE_BACK = text("SELECT pg_advisory_unlock(hashtextextended(:name, 0))")
_NOT_IN_TIME = "55P03"


class Duties:
    """The duties of one process. Thread-safe: threads are to each other as processes are."""

    def __init__(self, engine: Engine) -> None:
        """
        Args:
            engine: of connections that commit by themselves; a duty takes one while it lasts.
        """
        self._engine = engine

    @contextmanager
    def __call__(self, name: str, wait_s: float = 0.0) -> Iterator[bool]:
        """Whether nobody else has this duty; then it is ours as long as the block lasts."""
        with reported(), self._engine.connect() as connection:
            is_ours = _taken(connection, name, wait_s)
            try:
                yield is_ours
            finally:
                if is_ours:
                    _give_back(connection, name)


def _taken(connection: Connection, name: str, wait_s: float) -> bool:
    if not wait_s:
        return bool(connection.execute(_TAKE, {"name": name}).scalar_one())
    connection.exec_driver_sql(f"BEGIN; SET LOCAL lock_timeout = {max(1, round(wait_s * 1000))}")
    try:
        connection.execute(_AWAIT, {"name": name})
        connection.exec_driver_sql("COMMIT")
        return True
    except DBAPIError as exc:
        if getattr(exc.orig, "sqlstate", None) != _NOT_IN_TIME:
            raise
        connection.exec_driver_sql("ROLLBACK")
        return False


def _give_back(connection: Connection, name: str) -> None:
    """Where the connection is broken, the server has done it."""
    try:
        connection.execute(_GIVE_BACK, {"name": name})
    except DBAPIError:
        with suppress(DBAPIError):
            connection.invalidate()
