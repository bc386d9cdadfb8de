"""Where rows live: transactions to read and to write, whatever engine keeps them.

Nobody else writes during a `write()`, in this process or another: that serves as the lock for
numbering, for what is decided by what was read, and for migrations.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, select

from kb.background import ALONE, Duty, Wakeups
from kb.errors import Rejected
from kb.store.engine import dialect, schema

Transaction = Connection
"""What store functions take; nothing outside `kb.store` runs SQL on it."""

P = ParamSpec("P")
T = TypeVar("T")

VARIABLES = dialect.VARIABLES
"""Values per statement."""
READ_AT_ONCE = 1000
"""Rows by which a server sends a long result: one that is not said to be long comes whole."""

CLEAN_STOP = "clean_stop"
_NOTICES = "notices"


class Database(ABC):
    """Opens the rows, migrates them and hands out transactions. Thread-safe.

    Whatever is not finished when a block ends with an exception is as it was before.
    """

    duty: Duty = ALONE  # a file has one process

    def __init__(self) -> None:
        self.wakeups = Wakeups()

    @abstractmethod
    def write(self) -> AbstractContextManager[Transaction]:
        """A write transaction that runs alone: committed at the end of the block.

        Raises:
            StorageFull: the disk is full, or as StorageFailed broken; nothing was changed.
            DatabaseUnavailable: the server is away, which may have been at the very end: then what
                was written is there or not.
        """

    @abstractmethod
    def write_beside(self) -> AbstractContextManager[Transaction]:
        """A write transaction beside others, where the engine can: for what touches only rows of
        its own, or locks them. Raises as `write`."""

    @abstractmethod
    def read(self) -> AbstractContextManager[Transaction]:
        """A snapshot to read from. Raises DatabaseDamaged, DatabaseUnavailable."""

    @abstractmethod
    def compact(self) -> bool:
        """Free what deleted rows have held. False if others are in the way: try again later.

        Raises:
            StorageFull: there is no room for it; nothing was changed.
        """

    @abstractmethod
    def integrity_problems(self) -> list[str]:
        """What the engine itself finds wrong with what it keeps; empty is good."""

    @abstractmethod
    def open_transactions(self) -> int:
        """Connections that are checked out now; zero while answers stream."""

    @abstractmethod
    def close(self) -> None:
        """Close every connection."""

    def reading(
        self, query: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call one store function in a read transaction of its own."""
        with self.read() as transaction:
            return query(transaction, *args, **kwargs)

    def asking(
        self, query: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call one store function that finds rows by key, and whose statements need not see the
        same moment: a server keeps its plans, which read no whole table, and is not told where a
        transaction begins and ends."""
        return self.reading(query, *args, **kwargs)

    def writing(
        self, change: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call one store function in a write transaction of its own."""
        with self.write() as transaction:
            return change(transaction, *args, **kwargs)

    def _migrate(self) -> None:
        """Make the tables, or bring them to this version. Raises Rejected if they are newer."""
        if self.reading(_revision) != schema.HEAD:
            self.writing(_migrated)


def _revision(tx: Transaction) -> str | None:
    if not tx.dialect.has_table(tx, schema.alembic_version.name):
        return None
    return tx.execute(select(schema.alembic_version.c.version_num)).scalar()


def _migrated(tx: Transaction) -> None:
    if (revision := _revision(tx)) is None:
        schema.metadata.create_all(tx)
        dialect.upsert(tx, schema.alembic_version, {"version_num": schema.HEAD})
        return
    # Imported here: a start on a current database must not pay for Alembic.
    from kb.store.engine.migrations.upgrade import known_revisions, upgrade

    if revision not in known_revisions():
        raise Rejected(
            f"The database was written by a newer version (schema {revision}). "
            f"Start that version, or restore an older backup."
        )
    upgrade(tx)


def noticing(tx: Transaction) -> set[str]:
    """The kinds whose workers are to be woken after the transaction, as they come to be known."""
    notices = tx.info[_NOTICES] = set[str]()
    return notices


def notify_after(tx: Transaction, *kinds: str) -> None:
    """Wake who works on these kinds, once the transaction is committed."""
    tx.info[_NOTICES].update(kinds)


def stopped_cleanly(tx: Transaction) -> bool:
    """Whether the last process closed the folder, or none has used it yet."""
    return noted(tx, CLEAN_STOP) != "no"


def note_stop(tx: Transaction, *, is_clean: bool) -> None:
    """Note whether the folder is closed as it should be."""
    note(tx, CLEAN_STOP, "yes" if is_clean else "no")


def noted(tx: Transaction, name: str) -> str | None:
    """What was noted under a name."""
    query = select(schema.marks.c.value).where(schema.marks.c.name == name)
    return tx.execute(query).scalar_one_or_none()


def note(tx: Transaction, name: str, value: str) -> None:
    """Remember something about the folder."""
    dialect.upsert(tx, schema.marks, {"name": name, "value": value}, replace=["value"])
