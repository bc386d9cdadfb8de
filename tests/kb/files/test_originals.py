"""What the disk refuses is said in words that help."""

from __future__ import annotations

import errno

import pytest

from kb.errors import StorageFailed, StorageFull
from kb.files.originals import full_disk_reported
from kb.store.engine.database import Transaction, note_stop


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.ENOSPC, StorageFull),
        (errno.EDQUOT, StorageFull),
        (errno.EIO, StorageFailed),
        (errno.EROFS, StorageFailed),
    ],
)
def test_a_disk_that_is_full_broken_or_read_only_is_told_apart(number, error):
    with pytest.raises(StorageFull) as raised, full_disk_reported():
        raise OSError(number, "refused")
    assert type(raised.value) is error


@pytest.mark.one_folder
def test_a_database_that_takes_no_writes_is_a_failed_disk(kb):
    def refused(tx: Transaction) -> None:
        tx.exec_driver_sql("PRAGMA query_only=ON").close()
        try:
            note_stop(tx, is_clean=True)
        finally:
            tx.exec_driver_sql("PRAGMA query_only=OFF").close()

    with pytest.raises(StorageFailed, match="read-only"):
        kb.database.writing(refused)
