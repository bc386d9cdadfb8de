"""What one process of a cluster does at a time: session locks of Postgres, by name.

A lock ends with its connection, so a process that dies gives it back at once, and one that cannot
be reached any more, or stands still, after ten seconds. A round of work that still goes on there
must do no harm beside the next one: it can be repeated, or asks whether the duty is still its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast

import psycopg
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from kb.background import Loop, Wakeups
from kb.errors import DatabaseUnavailable
from kb.store.engine.postgres_server import reported

LEASE_S = 10.0
"""After which the server takes a duty away from a process of which it hears nothing."""
KEEP_S = 2.0
_TAKE = text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
_AWAIT = text("SELECT pg_advisory_lock(hashtextextended(:name, 0))")
_HOLD = text("SELECT set_config('idle_session_timeout', :ms, false)")
_GIVE_BACK = text(
    "SELECT pg_advisory_unlock(hashtextextended(:name, 0)),"
    " set_config('idle_session_timeout', '0', false)"
)
_NOT_IN_TIME = "55P03"


class Duties:
    """The duties of one process. Thread-safe: threads are to each other as processes are."""

    def __init__(self, engine: Engine, wakeups: Wakeups) -> None:
        """
        Args:
            engine: of connections that commit by themselves; a duty takes one while it lasts.
        """
        self._engine = engine
        self._held: dict[str, psycopg.Connection[Any]] = {}
        # Not patient: who cannot say in time that it is there loses what it has in hand.
        self._keeping = Loop("keep duties", self._keep, wakeups, is_patient=False)

    @contextmanager
    def __call__(self, name: str, wait_s: float = 0.0) -> Iterator[bool]:
        """Whether nobody else has this duty; then it is ours as long as the block lasts."""
        with reported(), self._engine.connect() as connection:
            is_ours = _taken(connection, name, wait_s)
            if is_ours:
                connection.execute(_HOLD, {"ms": str(round(LEASE_S * 1000))})
                self._held[name] = cast("Any", connection.connection.driver_connection)
            try:
                yield is_ours
            finally:
                if is_ours:
                    del self._held[name]
                    _give_back(connection, name)

    def check(self, name: str) -> None:
        """Raises DatabaseUnavailable if the duty that this process has had is not its any more."""
        try:
            self._held[name].execute("SELECT 1")
        except (KeyError, psycopg.Error) as exc:
            raise DatabaseUnavailable("what was in hand was given to another process") from exc

    def start(self) -> None:
        """Begin to say that this process is there."""
        self._keeping.start()

    def close(self) -> None:
        """Keep none any more."""
        self._keeping.stop()

    def _keep(self) -> float:
        for connection in list(self._held.values()):
            with suppress(psycopg.Error):  # who has the duty hears of it
                connection.execute("SELECT 1")
        return KEEP_S


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
