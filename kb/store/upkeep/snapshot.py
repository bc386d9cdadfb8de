"""A copy of the database as it is at one moment, made while others read and write.

The copy is a file of its own, without log: it can be sent away and opened elsewhere.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from kb.errors import Rejected
from kb.store.content import documents
from kb.store.engine import sqlite_file
from kb.store.engine.database import Database, note_stop
from kb.store.engine.sqlite import SqliteDatabase, storage_reported
from kb.store.work import uploads


def snapshot(database: Database, target: Path) -> None:
    """Write what is committed now into a new file.

    What lies outside of it is forgotten: bytes of unfinished uploads, and the indexes.

    Raises:
        Rejected: the rows are kept by a server.
        StorageFull: there is no room for the copy; the target may be there in part.
    """
    if not isinstance(database, SqliteDatabase):
        raise Rejected("The rows of a database server are backed up with its own tools: pg_dump.")
    database.copy(target)
    with storage_reported(target.parent), sqlite_file.opened(target) as tx:
        uploads.remove_unfinished(tx)
        note_stop(tx, is_clean=False)


def originals_of(copy: Path) -> list[str]:
    """The hashes of the originals that a copied database rests on, in order."""
    with sqlite_file.opened(copy) as tx:
        return sorted(documents.original_hashes(tx))


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
