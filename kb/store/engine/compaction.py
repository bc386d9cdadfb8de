"""Writing the database file anew beside the present one, while others read and write that one.

`VACUUM` keeps all others from writing for as long as the whole file takes. Here triggers note which
rows change while a copy is made; the copy takes them over round by round, the last few when nobody
uses the file. Then it takes the file's name, at a moment when nobody has the file open: connections
to two files of one name would share one log, and destroy both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy import Connection, Table

from kb.store.engine import schema, sqlite_file

Changes = Mapping[Table, Sequence[tuple[object, ...]]]
"""The primary keys of rows that were inserted, changed or deleted."""

_EVENTS = (("INSERT", "NEW"), ("UPDATE", "OLD"), ("UPDATE", "NEW"), ("DELETE", "OLD"))


def copies(path: Path) -> tuple[Path, Path]:
    """Where the next file of a database is made, and where the last one lies until it is freed."""
    return path.with_name(f"{path.name}.compacting"), path.with_name(f"{path.name}.compacted")


def note_changes(tx: Connection) -> None:
    """From now on note what is changed through this connection, until it is closed."""
    for table in schema.metadata.sorted_tables:
        name, keys = table.name, [column.name for column in table.primary_key]
        tx.exec_driver_sql(f"CREATE TEMP TABLE changed_{name} ({', '.join(keys)})")
        for number, (event, row) in enumerate(_EVENTS):
            values = ", ".join(f"{row}.{key}" for key in keys)
            tx.exec_driver_sql(
                f"CREATE TEMP TRIGGER noted_{name}_{number} AFTER {event} ON main.{name} "
                f"BEGIN INSERT INTO changed_{name} VALUES ({values}); END"
            )


def take_changes(tx: Connection) -> Changes:
    """What has changed since the last call."""
    found = {}
    for table in schema.metadata.sorted_tables:
        keys = tx.exec_driver_sql(f"SELECT DISTINCT * FROM temp.changed_{table.name}").all()
        if keys:
            found[table] = [tuple(key) for key in keys]
            tx.exec_driver_sql(f"DELETE FROM temp.changed_{table.name}")
    return found


def take_over(copy: Path, path: Path, changes: Changes) -> None:
    """Make the changed rows of a copy what they are in the file now, and sync the copy.

    A row that has changed since then may stand in the way of one of these by a unique value: it
    goes, for it is among the changes that come next.
    """
    with sqlite_file.opened(copy) as tx:
        tx.exec_driver_sql("PRAGMA secure_delete=ON").close()
        tx.exec_driver_sql("ATTACH ? AS present", (str(path),))
        for table, keys in changes.items():
            name = table.name
            is_one = " AND ".join(f"{column.name} = ?" for column in table.primary_key)
            tx.exec_driver_sql(f"DELETE FROM main.{name} WHERE {is_one}", list(keys))
            rows = f"SELECT * FROM present.{name} WHERE {is_one}"
            tx.exec_driver_sql(f"INSERT OR REPLACE INTO main.{name} {rows}", list(keys))
        tx.exec_driver_sql("DELETE FROM main.sqlite_sequence")  # ids that are given out only once
        tx.exec_driver_sql("INSERT INTO main.sqlite_sequence SELECT * FROM present.sqlite_sequence")
