"""One database file as the `Database`: many readers, one writer."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import QueuePool

from kb.errors import DatabaseDamaged, StorageFailed, StorageFull
from kb.files.originals import fsync_folder, has_room
from kb.store.engine import compaction, schema, sqlite_file
from kb.store.engine.database import Database, Transaction, noticing

CATCH_UPS = 10
FEW_CHANGES = 1000
"""Rows that a copy takes over while nobody can use the file: milliseconds."""
SWITCH_TRIES = 20
SWITCH_WAIT_S = 0.25
"""For readers to end, while no other can begin."""
SWITCH_PAUSE_S = 0.5


class SharedLock:
    """Many threads hold it together, or one holds it alone. Who holds it gets it again at once."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._holders: Counter[int] = Counter()
        self._is_wanted_alone = False

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Hold it together with others."""
        own = threading.get_ident()
        with self._changed:
            self._changed.wait_for(lambda: not self._is_wanted_alone or own in self._holders)
            self._holders[own] += 1
        try:
            yield
        finally:
            with self._changed:
                self._holders[own] -= 1
                if not self._holders[own]:
                    del self._holders[own]
                    self._changed.notify_all()

    @contextmanager
    def alone(self, timeout_s: float) -> Iterator[bool]:
        """Let no other begin, and yield whether all have ended in time."""
        with self._changed:
            self._is_wanted_alone = True
            is_alone = self._changed.wait_for(lambda: not self._holders, timeout_s)
        try:
            yield is_alone
        finally:
            with self._changed:
                self._is_wanted_alone = False
                self._changed.notify_all()


class SqliteDatabase(Database):
    """One database file: many readers, one writer. Thread-safe."""

    def __init__(self, path: Path) -> None:
        """
        Raises:
            Rejected: a newer version wrote the file.
            StorageFull: it cannot be made or migrated, for the disk is full.
        """
        super().__init__()
        self.path = path
        self._writer = sqlite_file.writer(path)
        self._readers = sqlite_file.readers(path)
        self._turn = threading.Lock()
        self._access = SharedLock()
        self._copy, self._old = compaction.copies(path)
        if path.exists():
            self._remove_copy()
        with storage_reported(path.parent):
            self._migrate()

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """Writers take turns. Raises StorageFull, or as StorageFailed that the disk is broken."""
        with self._access.shared(), self._turn, storage_reported(self.path.parent):
            with self._writer.begin() as transaction:
                notices = noticing(transaction)
                yield transaction
            self.wakeups.notify(*notices)

    write_beside = write

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """One of many readers. Raises DatabaseDamaged."""
        with (
            storage_reported(self.path.parent, only_reads=True),
            self._access.shared(),
            self._readers.connect() as transaction,
        ):
            yield transaction

    def integrity_problems(self) -> list[str]:
        """By table and page."""
        return self.reading(sqlite_file.integrity_problems)

    def open_transactions(self) -> int:
        """Of both kinds."""
        pools = (self._readers.pool, self._writer.pool)
        return sum(pool.checkedout() for pool in pools if isinstance(pool, QueuePool))

    def copy(self, target: Path) -> None:
        """Write what is committed now into a new file of its own. Raises StorageFull."""
        with storage_reported(target.parent), self._access.shared():
            sqlite_file.copy(self.path, target)

    def compact(self) -> bool:
        """Write the file anew and empty its log, so that neither holds a byte of deleted rows.

        `secure_delete` alone does not do it: when SQLite moves rows from one page to another,
        copies of them can stay in the unused middle of the page (seen in 5 of 1,800 deletions, and
        in none after this). Others read and write meanwhile. False if a long read leaves no moment
        to switch to the new file: try again later.

        Raises:
            StorageFull: there is no room for the second copy; nothing was changed.
        """
        with storage_reported(self.path.parent):
            self._remove_copy()
            try:
                self.writing(compaction.note_changes)
                self.copy(self._copy)
                return any(self._switch() for _ in range(SWITCH_TRIES))
            finally:
                with self._access.shared(), self._turn:
                    self._writer.dispose()  # notes no more
                self._remove_copy()

    def _switch(self) -> bool:
        """Use the copy from now on; False, after a pause, if somebody reads for too long."""
        for _ in range(CATCH_UPS):
            changes = self.writing(compaction.take_changes)
            with self._access.shared():
                compaction.take_over(self._copy, self.path, changes)
            if sum(map(len, changes.values())) <= FEW_CHANGES:
                break
        with self._access.alone(SWITCH_WAIT_S) as is_alone:
            if is_alone:
                with self._writer.begin() as tx:
                    changes = compaction.take_changes(tx)
                compaction.take_over(self._copy, self.path, changes)
                self._readers.dispose()
                if sqlite_file.fold_log(self._writer):
                    self._writer.dispose()
                    try:
                        with suppress(OSError):  # to free the old file's room takes long: later
                            self._old.hardlink_to(self.path)
                        self._copy.replace(self.path)
                        fsync_folder(self.path.parent)
                    finally:
                        self._writer.connect().close()  # before others: begins the new log
                    return True
        time.sleep(SWITCH_PAUSE_S)
        return False

    def _remove_copy(self) -> None:
        journal = self._copy.with_name(f"{self._copy.name}-journal")  # of a process that died
        for left in (journal, self._copy, self._old):
            left.unlink(missing_ok=True)

    def close(self) -> None:
        """Close every connection; the last one folds the log into the file."""
        self._readers.dispose()
        self._writer.dispose()


def marks(path: Path) -> dict[str, str]:
    """What a file remembers about its folder; empty if it is new. The file stays as it is.

    Raises:
        DatabaseDamaged: it is not a database, or its first pages cannot be read.
    """
    if not path.is_file():
        return {}
    with storage_reported(path.parent), sqlite_file.looked_at(path) as tx:
        if not tx.dialect.has_table(tx, schema.marks.name):
            return {}
        return {row.name: row.value for row in tx.execute(select(schema.marks))}


def damage(path: Path) -> list[str]:
    """What is wrong with the pages of a file, which stays as it is; empty is good."""
    try:
        with sqlite_file.looked_at(path) as tx:
            return sqlite_file.integrity_problems(tx)
    except DatabaseError as exc:
        return [str(exc.orig)]


@contextmanager
def storage_reported(folder: Path, *, only_reads: bool = False) -> Iterator[None]:
    """Turn the database's words for a full or broken disk into errors that say what to do.

    Args:
        only_reads: whether a refused write is a mistake of ours, and says nothing of the disk.
    """
    try:
        yield
    except OperationalError as exc:
        if sqlite_file.is_full(exc) or (sqlite_file.is_broken(exc) and not has_room(folder)):
            raise StorageFull(
                "The disk that holds the data folder is full. Free some space; nothing was lost."
            ) from exc
        if sqlite_file.is_broken(exc) or (sqlite_file.is_read_only(exc) and not only_reads):
            raise StorageFailed from exc
        raise
    except DatabaseError as exc:
        if sqlite_file.is_damaged(exc):
            raise DatabaseDamaged from exc
        raise
