"""A copy of the database as it is at one moment, made while others read and write.

The copy is a file of its own, without log: it can be sent away and opened elsewhere.
"""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

from kb.errors import StorageFull
from kb.store.engine import marks, schema


def snapshot(database: Path, target: Path) -> None:
    """Write what is committed now into a new file.

    Raises:
        StorageFull: there is no room for the copy; the target may be there in part.
    """
    try:
        with closing(sqlite3.connect(database, isolation_level=None)) as source:
            # Only the writer of `Database` may checkpoint.
            source.execute("PRAGMA wal_autocheckpoint=0").close()
            source.execute("VACUUM INTO ?", (str(target),)).close()
        with closing(sqlite3.connect(target)) as copy:
            _make_portable(copy)
    except sqlite3.OperationalError as exc:
        if "full" not in str(exc) and "disk I/O error" not in str(exc):
            raise
        raise StorageFull(
            "There is no room for the copy of the database in the data folder. Free some space."
        ) from exc


def originals_of(copy: Path) -> list[str]:
    """The hashes of the originals that a copied database rests on, in order."""
    both = " UNION ".join(
        f"SELECT sha256 FROM {table.name} WHERE sha256 <> ''"
        for table in (schema.documents, schema.document_versions)
    )
    with closing(sqlite3.connect(f"file:{copy}?mode=ro", uri=True)) as connection:
        return sorted(row[0] for row in connection.execute(both))


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _make_portable(copy: sqlite3.Connection) -> None:
    """What lies outside of the copy is forgotten: bytes of unfinished uploads, and the indexes."""
    with copy:
        copy.execute(f"DELETE FROM {schema.uploads.name} WHERE document_id IS NULL")
        copy.execute(
            f"INSERT OR REPLACE INTO {schema.marks.name} (name, value) VALUES (?, 'no')",
            (marks.CLEAN,),
        )
