"""One SQLite file in WAL mode: many readers, one writer.

Every write transaction starts with BEGIN IMMEDIATE on the single writer connection, which is also
the only one that checkpoints: two connections that write or checkpoint at once can corrupt a WAL
database of SQLite 3.7.0 to 3.51.2, and a read that turns into a write fails with SQLITE_BUSY,
however long the busy timeout is. A committed transaction is on disk (synchronous=FULL).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import QueuePool

from kb.errors import Rejected, StorageFailed, StorageFull
from kb.files.originals import has_room
from kb.store.engine.schema import HEAD

Transaction = Connection
"""What store functions take; nothing outside `kb.store` runs SQL on it."""

P = ParamSpec("P")
T = TypeVar("T")

VARIABLES = 900
"""Values per statement, below SQLite's oldest limit of 999."""

READERS = 16
WRITE_WAIT_S = 120.0
BUSY_MS = 30_000
COMPACT_WAIT_MS = 2000
"""For readers to end, while nobody can write."""


class Database:
    """Opens the file, migrates it and hands out transactions. Thread-safe."""

    def __init__(self, path: Path) -> None:
        """
        Raises:
            Rejected: a newer version wrote the file.
            StorageFull: it cannot be made or migrated, for the disk is full.
        """
        self.path = path
        self._writer = _engine(path, _begin_writing, pool_size=1, pragmas=_WRITER_PRAGMAS)
        self._readers = _engine(path, _begin_reading, pool_size=READERS, pragmas=_READER_PRAGMAS)
        self._turn = threading.Lock()
        with _translated(path):
            self._migrate()

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """A write transaction: committed at the end of the block, rolled back on any exception.

        Raises:
            StorageFull: the disk is full, or as StorageFailed broken; nothing was changed.
        """
        with self._turn, _translated(self.path), self._writer.begin() as transaction:
            yield transaction

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A snapshot to read from."""
        with self._readers.connect() as transaction:
            yield transaction

    def reading(
        self, query: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call one store function in a read transaction of its own."""
        with self.read() as transaction:
            return query(transaction, *args, **kwargs)

    def writing(
        self, change: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call one store function in a write transaction of its own."""
        with self.write() as transaction:
            return change(transaction, *args, **kwargs)

    def open_transactions(self) -> int:
        """Connections that are checked out now; zero while answers stream."""
        pools = (self._readers.pool, self._writer.pool)
        return sum(pool.checkedout() for pool in pools if isinstance(pool, QueuePool))

    def integrity_problems(self) -> list[str]:
        """What SQLite itself finds wrong with the file; empty is good."""
        with self.read() as transaction:
            found = [str(row[0]) for row in transaction.execute(text("PRAGMA integrity_check"))]
        return [problem for problem in found if problem != "ok"]

    def compact(self) -> bool:
        """Write the file anew and empty its log, so that neither holds a byte of deleted rows.

        `secure_delete` alone does not do it: when SQLite moves rows from one page to another,
        copies of them can stay in the unused middle of the page (seen in 5 of 1,800 deletions, and
        in none after this). False if a long read keeps the log in use: try again later.

        Raises:
            StorageFull: there is no room for the second copy; nothing was changed.
        """
        with self._turn, self._writer.connect() as connection:
            try:
                return _compacted(cast(sqlite3.Connection, connection.connection))
            except sqlite3.OperationalError as exc:
                if "full" not in str(exc) and has_room(self.path.parent):
                    raise
                raise _full() from exc

    def close(self) -> None:
        """Close every connection; the last one folds the WAL into the file."""
        self._readers.dispose()
        self._writer.dispose()

    def _migrate(self) -> None:
        revision = self._revision()
        if revision == HEAD:
            return
        # Imported here: a start on a current database must not pay for Alembic.
        from kb.store.engine.migrations.upgrade import known_revisions, upgrade

        if revision is not None and revision not in known_revisions():
            raise Rejected(
                f"The data folder was written by a newer version (schema {revision}). "
                f"Start that version, or restore an older backup."
            )
        upgrade(self._writer)

    def _revision(self) -> str | None:
        with self.read() as transaction:
            if not transaction.dialect.has_table(transaction, "alembic_version"):
                return None
            found = transaction.execute(text("SELECT version_num FROM alembic_version")).scalar()
            return None if found is None else str(found)


_WRITER_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "secure_delete=ON",
    f"busy_timeout={BUSY_MS}",
)
_READER_PRAGMAS = (
    "query_only=ON",
    "wal_autocheckpoint=0",
    f"busy_timeout={BUSY_MS}",
    "mmap_size=268435456",
)


def _begin_writing(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_reading(connection: Connection) -> None:
    """Past SQLAlchemy, which takes 50 µs for it: each search begins six reads. It cannot fail, for
    it does not touch the file."""
    cast(sqlite3.Connection, connection.connection.driver_connection).execute("BEGIN").close()


def _engine(
    path: Path,
    begin: Callable[[Connection], None],
    *,
    pool_size: int,
    pragmas: tuple[str, ...],
) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        pool_size=pool_size,
        max_overflow=0 if pool_size == 1 else 48,
        pool_timeout=WRITE_WAIT_S,
        connect_args={"check_same_thread": False},
        hide_parameters=True,  # an error that is logged must not hold a hidden prompt
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # we begin ourselves
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}").close()

    event.listen(engine, "begin", begin)
    return engine


def _compacted(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute(f"PRAGMA busy_timeout={COMPACT_WAIT_MS}").close()
        connection.execute("VACUUM").close()
        (is_busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not is_busy
    finally:
        connection.execute(f"PRAGMA busy_timeout={BUSY_MS}").close()


def _full() -> StorageFull:
    return StorageFull(
        "The disk that holds the data folder is full. Free some space; nothing was lost."
    )


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OperationalError as exc:
        is_broken = "disk I/O error" in str(exc.orig)
        if "disk is full" in str(exc.orig) or (is_broken and not has_room(path.parent)):
            raise _full() from exc
        if is_broken:
            raise StorageFailed from exc
        raise
