from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import create_engine, inspect, select, text
from sqlalchemy.exc import DBAPIError

from kb.store.engine import dialect, schema
from kb.store.engine.database import Database, Transaction
from kb.store.engine.migrations import upgrade
from kb.store.engine.migrations.upgrade import _config, known_revisions
from kb.store.engine.sqlite import SqliteDatabase
from kb.store.work import jobs

MIGRATIONS = Path(upgrade.__file__).parent
FIRST_SCHEMA = Path(__file__).with_name("first_schema.sql")
"""What a folder of the first schema holds, as its database says it (`.dump`)."""


def mark(tx: Transaction, name: str) -> str | None:
    query = select(schema.marks.c.value).where(schema.marks.c.name == name)
    return tx.execute(query).scalar_one_or_none()


def set_mark(tx: Transaction, name: str, value: str) -> None:
    dialect.upsert(tx, schema.marks, {"name": name, "value": value}, replace=["value"])


def made_by_the_first_schema(path: Path) -> None:
    with closing(sqlite3.connect(path)) as older:
        older.executescript(FIRST_SCHEMA.read_text(encoding="utf-8"))


def tables_of(tx: Transaction) -> dict[str, Any]:
    """What each table is made of; how constraints are called does not matter."""
    found = inspect(tx)

    def kind_of(column: Any) -> str:
        kind = column["type"].compile(tx.dialect)
        return {"VARCHAR": "TEXT", "BOOLEAN": "INTEGER"}.get(kind, kind)  # are stored alike

    def index_as_text(index: Any) -> str:
        options = {key: str(value) for key, value in index.get("dialect_options", {}).items()}
        return str({**index, "dialect_options": options})

    def unnamed(parts: Iterable[Any]) -> list[str]:
        return sorted(str({**part, "name": None}) for part in parts)

    return {
        name: {
            "columns": {
                c["name"]: (
                    kind_of(c),
                    c["nullable"],
                    c.get("primary_key"),
                )
                for c in found.get_columns(name)
            },
            "foreign keys": unnamed(found.get_foreign_keys(name)),
            "unique": unnamed(found.get_unique_constraints(name)),
            "indexes": sorted(
                index_as_text(index)
                for index in found.get_indexes(name)
                if "duplicates_constraint" not in index
            ),
        }
        for name in found.get_table_names()
    }


def test_the_code_expects_the_newest_migration():
    assert max(known_revisions()) == schema.HEAD


def test_each_migration_has_a_number_of_its_own():
    files = [path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py")]
    assert sorted(files) == sorted(known_revisions())


def test_a_folder_of_the_first_schema_gets_exactly_the_tables_of_a_new_one(tmp_path: Path):
    made_by_the_first_schema(tmp_path / "older.db")
    older, new = SqliteDatabase(tmp_path / "older.db"), SqliteDatabase(tmp_path / "kb.db")
    assert older.reading(tables_of) == new.reading(tables_of)
    older.close()
    new.close()


def test_work_that_was_queued_before_an_upgrade_is_still_queued_after_it(tmp_path: Path):
    made_by_the_first_schema(tmp_path / "kb.db")
    with create_engine(f"sqlite:///{tmp_path / 'kb.db'}").begin() as older:
        config = _config()
        config.attributes["connection"] = older
        command.upgrade(config, "0002")
        older.execute(
            text(
                "INSERT INTO jobs (id, document_id, version, batch_id, kind, done, status,"
                " attempts, token, lease_until) VALUES"
                " (3, 'doc_a', 2, 'b', 'index', 0, 'running', 1, 7, 9e9),"
                " (4, 'doc_z', 1, 'b', 'expand', 5, 'queued', 0, 0, NULL)"
            )
        )
    opened = SqliteDatabase(tmp_path / "kb.db")
    with opened.write() as tx:
        (archive,) = jobs.claim(tx, "me", "expand")
        (document,) = jobs.claim(tx, "me", "index")
    opened.close()
    assert (archive.subject, archive.payload) == ("doc_z", {"version": 1, "done": 5})
    assert (document.subject, document.payload["version"], document.attempts) == ("doc_a", 2, 1)


def test_a_failed_block_changes_nothing(database: Database):
    def change_and_fail(tx):
        set_mark(tx, "a", "1")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        database.writing(change_and_fail)
    assert database.reading(mark, "a") is None


def test_readers_cannot_write(database: Database):
    with pytest.raises(DBAPIError), database.read() as tx:
        tx.execute(text("DELETE FROM marks"))


def test_a_commit_is_synced_to_disk(tmp_path: Path):
    database = SqliteDatabase(tmp_path / "kb.db")
    with database.write() as tx:
        assert tx.execute(text("PRAGMA synchronous")).scalar() == 2
        assert tx.execute(text("PRAGMA journal_mode")).scalar() == "wal"
    database.close()


def test_many_writers_and_readers_at_once_lose_nothing(database: Database):
    def add(count: int) -> None:
        for _ in range(count):
            with database.write() as tx:
                set_mark(tx, "n", str(int(mark(tx, "n") or 0) + 1))
            database.reading(mark, "n")

    threads = [threading.Thread(target=add, args=(25,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.reading(mark, "n") == "200"
    assert database.integrity_problems() == []
    assert database.open_transactions() == 0


def test_a_folder_that_two_open_at_once_is_migrated_once(tmp_path: Path):
    opened: list[Database] = []
    threads = [
        threading.Thread(target=lambda: opened.append(SqliteDatabase(tmp_path / "kb.db")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 4
    for database in opened:
        with database.read() as tx:
            assert (
                tx.execute(text("SELECT version_num FROM alembic_version")).scalar() == schema.HEAD
            )
        database.close()
