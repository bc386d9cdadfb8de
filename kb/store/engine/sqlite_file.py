"""A database file in SQLite's own words: its connections, its copies, what is wrong with it.

The file is in WAL mode. Every write transaction starts with BEGIN IMMEDIATE on the single writer
connection, so it runs alone: that serves as the lock for numbering, for claims and for migrations.
That connection is also the only one that checkpoints: two that write or checkpoint at once can
corrupt a WAL database of SQLite 3.7.0 to 3.51.2, and a read that turns into a write fails with
SQLITE_BUSY, however long the busy timeout is. A commit is on disk (synchronous=FULL).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, Engine, NullPool, create_engine, event, text
from sqlalchemy.exc import DatabaseError, OperationalError

READERS = 16
WRITE_WAIT_S = 120.0
BUSY_MS = 30_000
FOLD_WAIT_MS = 100
"""For other processes to close the file, while nobody here can read or write."""
MOST_COMPLAINTS = 10
"""Of one table: a page that is gone makes one for each of its rows."""

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


def writer(path: Path) -> Engine:
    """One connection, whose transactions run alone."""
    return _engine(path, _begin_writing, pool_size=1, pragmas=_WRITER_PRAGMAS)


def readers(path: Path) -> Engine:
    """Connections whose transactions read a snapshot and cannot write."""
    return _engine(path, _begin_reading, pool_size=READERS, pragmas=_READER_PRAGMAS)


def integrity_problems(tx: Connection) -> list[str]:
    """What the database itself finds wrong with its file, by table and page; empty is good.

    Its check may end at a damaged page without naming it: `dbstat` then says which one it is.
    """
    if not (found := _complaints(tx, "PRAGMA integrity_check")):
        return []
    parts = "SELECT type, name FROM sqlite_schema WHERE rootpage > 0 ORDER BY rootpage"
    try:
        trees = [(row.type, row.name) for row in tx.execute(text(parts))]
    except DatabaseError:
        return [f"The list of tables, page 1: {found[0]}"]
    by_tree = [line for kind, name in trees for line in _complaints_of(tx, kind, name)]
    return by_tree or found


def _complaints_of(tx: Connection, kind: str, name: str) -> list[str]:
    damaged = "SELECT pageno FROM dbstat WHERE name = :name AND pagetype = 'corrupted'"
    found = [f"page {page} cannot be read" for page in _lines(tx, damaged, name=name)]
    if kind == "table":
        found += _complaints(tx, f'PRAGMA integrity_check("{name}")')[:MOST_COMPLAINTS]
    return [f"{kind} {name}: {line}" for line in found]


def _complaints(tx: Connection, statement: str) -> list[str]:
    """The lines that report something."""
    lines = [line for each in _lines(tx, statement) for line in each.splitlines()]
    return [line for line in lines if line != "ok" and not line.startswith("***")]


def _lines(tx: Connection, statement: str, **values: str) -> Iterator[str]:
    try:
        for row in tx.execute(text(statement), values):
            yield str(row[0])
    except DatabaseError as exc:
        yield str(exc.orig)


def fold_log(engine: Engine) -> bool:
    """Fold the log of a file into it and remove it; False if somebody else has the file open."""
    with engine.connect() as connection, _sqlalchemy_errors():
        plain = cast(sqlite3.Connection, connection.connection)
        plain.execute(f"PRAGMA busy_timeout={FOLD_WAIT_MS}").close()
        try:
            plain.execute("PRAGMA journal_mode=DELETE").close()
        except sqlite3.OperationalError as exc:
            if "locked" not in str(exc):
                raise
            return False
        finally:
            plain.execute(f"PRAGMA busy_timeout={BUSY_MS}").close()
        return True


def copy(path: Path, target: Path) -> None:
    """Write what is committed now into a new file of its own, without a log."""
    with opened(path) as tx, _sqlalchemy_errors():
        plain = cast(sqlite3.Connection, tx.connection)
        plain.execute("PRAGMA wal_autocheckpoint=0").close()  # only the writer may checkpoint
        plain.execute("VACUUM INTO ?", (str(target),)).close()


@contextmanager
def looked_at(path: Path) -> Iterator[Connection]:
    """A file that stays as it is: not even its log is folded into it at the end.

    Only a change that a crash broke off is taken back: nothing can be read before.
    """
    mode = "rw" if path.with_name(f"{path.name}-journal").exists() else "ro"
    place = f"{path.absolute().as_uri()}?mode={mode}"
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(place, uri=True),
        poolclass=NullPool,
        hide_parameters=True,
    )
    with engine.connect() as tx:
        yield tx


@contextmanager
def opened(path: Path) -> Iterator[Connection]:
    """A file that nobody else uses, or that is only read; what is changed is committed."""
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool, hide_parameters=True)
    with engine.begin() as tx:
        yield tx


def is_full(exc: OperationalError) -> bool:
    """Whether the disk had no room."""
    return "disk is full" in str(exc.orig)


def is_broken(exc: OperationalError) -> bool:
    """Whether the disk failed, or had no room in a way that looks like it."""
    return "disk I/O error" in str(exc.orig)


def is_read_only(exc: OperationalError) -> bool:
    """Whether the disk takes no writes, or the connection is one of those that only read."""
    return "readonly database" in str(exc.orig)


def is_damaged(exc: DatabaseError) -> bool:
    """Whether the file is not a database, or a page of it cannot be read."""
    said = str(exc.orig)
    return any(words in said for words in ("malformed", "not a database", "Could not decode"))


@contextmanager
def _sqlalchemy_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as exc:
        raise OperationalError(None, None, exc) from exc
    except sqlite3.DatabaseError as exc:
        raise DatabaseError(None, None, exc) from exc


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
