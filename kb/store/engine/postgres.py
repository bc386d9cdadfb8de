"""A Postgres server as the `Database`: many processes share its rows.

A write runs alone by an advisory lock, which the server frees with the transaction, also when the
process that holds it is gone: the server lets nobody idle inside a transaction for long. Every
statement of a write sees what was committed before the lock was had.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from kb.errors import DatabaseUnavailable, Rejected
from kb.store.engine import schema
from kb.store.engine.database import Database, Transaction, noticing
from kb.store.engine.postgres_duties import Duties
from kb.store.engine.postgres_notices import Notices
from kb.store.engine.postgres_server import IDLE_S, Opened, engine, reported

P = ParamSpec("P")
T = TypeVar("T")

OLDEST = 150000
"""Postgres 15."""
CONNECTIONS = 16
WRITERS = 0.25
"""Share of the connections that write."""
MOST_DUTIES = 16
"""At once, in one process; more of them wait."""
_LOCK = int.from_bytes(b"citewell")
_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_WRITE = (
    "BEGIN ISOLATION LEVEL READ COMMITTED; "
    f"SET LOCAL idle_in_transaction_session_timeout = '{IDLE_S}s'"
)
_WRITE_ALONE = f"{_WRITE}; SELECT pg_advisory_xact_lock({_LOCK})"


class PostgresDatabase(Database):
    """A database of a Postgres server, 15 or newer. Connections that broke are made anew; those
    that wait for a server which says nothing any more are cut."""

    def __init__(self, url: str, *, connections: int = CONNECTIONS) -> None:
        """
        Args:
            url: `postgresql://user:password@host:port/name`, with libpq's parameters.
            connections: the most that are open at once; a quarter of them writes, and half of the
                others find rows by key.

        Raises:
            Rejected: the URL is malformed, a newer version wrote the database, or the server is too
                old or does not store UTF-8.
            DatabaseUnavailable: it cannot be reached.
        """
        super().__init__()
        writers = max(1, int(connections * WRITERS))
        opened = Opened()
        readers = max(1, (connections - writers) // 2)
        self._readers = engine(url, readers, opened)
        self._finders = engine(url, readers, opened, by_key=True)
        self._writers = engine(url, writers, opened)
        self._turn = threading.Lock()
        self._on_duty = engine(url, MOST_DUTIES, opened)
        self._duties = self.duty = Duties(self._on_duty, self.wakeups)
        self._notices = Notices(url, self.wakeups, opened.cut)
        self.reading(_check_server)
        self._migrate()
        self._notices.start()
        self._duties.start()

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """Alone in all processes; those of this one take turns without asking the server."""
        with self._turn, self._writing(_WRITE_ALONE) as tx:
            yield tx

    @contextmanager
    def write_beside(self) -> Iterator[Transaction]:
        """Statements see what others have committed before each."""
        with self._writing(_WRITE) as tx:
            yield tx

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A snapshot of the first statement's moment."""
        with reported(only_reads=True), self._begun(self._readers, _READ) as tx:
            yield tx

    def asking(
        self, query: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """One round trip in place of three, and a plan that is there."""

        def asked() -> T:
            with self._finders.connect() as connection:
                return query(connection, *args, **kwargs)

        with reported(only_reads=True):
            return self._unbroken(asked)

    @contextmanager
    def _writing(self, begin: str) -> Iterator[Transaction]:
        with reported(), self._begun(self._writers, begin) as tx:
            notices = noticing(tx)
            yield tx
            self._notices.tell(tx, notices)
            tx.commit()
        self.wakeups.notify(*notices)

    def compact(self) -> bool:
        """Let the room of deleted rows be used again. Their bytes stay in the server's files until
        then, and in its log and backups for as long as those are kept."""
        with reported(), self._writers.connect() as connection:
            for table in schema.metadata.sorted_tables:
                connection.exec_driver_sql(f'VACUUM "{table.name}"')
        return True

    def integrity_problems(self) -> list[str]:
        """None that can be had without its administrator: a page that is damaged fails a read."""
        return []

    def open_transactions(self) -> int:
        """Of all kinds."""
        pools = (self._readers.pool, self._finders.pool, self._writers.pool)
        return sum(pool.checkedout() for pool in pools if isinstance(pool, QueuePool))

    def close(self) -> None:
        """Also those of duties and notices."""
        self._duties.close()
        self._notices.close()
        for each in (self._readers, self._finders, self._writers, self._on_duty):
            each.dispose()

    def _begun(self, pool: Engine, begin: str) -> Connection:
        """A connection in a transaction."""
        return self._unbroken(lambda: _begin(pool, begin))

    def _unbroken(self, action: Callable[[], T]) -> T:
        """What comes of an action that begins with a connection of a pool."""
        if self._notices.is_silent:
            raise DatabaseUnavailable
        try:
            return action()
        except DBAPIError as exc:
            if not exc.connection_invalidated or self._notices.is_silent:
                raise
            return action()  # it broke in the pool, and the pool has let all others go


def _begin(pool: Engine, begin: str) -> Connection:
    connection = pool.connect()
    try:
        connection.exec_driver_sql(begin)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_server(tx: Transaction) -> None:
    version = tx.exec_driver_sql("SHOW server_version_num").scalar_one()
    encoding = tx.exec_driver_sql("SHOW server_encoding").scalar_one()
    if int(version) < OLDEST:
        raise Rejected("The server of KB_DATABASE__URL must be Postgres 15 or newer: upgrade it.")
    if encoding != "UTF8":
        raise Rejected(
            f"The database of KB_DATABASE__URL stores {encoding}. Make one that stores all texts: "
            f"CREATE DATABASE kb TEMPLATE template0 ENCODING 'UTF8'."
        )
