from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import OperationalError

from kb.store.engine import marks, schema
from kb.store.engine.database import Database
from kb.store.engine.migrations.upgrade import head


@pytest.fixture
def database(tmp_path: Path):
    opened = Database(tmp_path / "kb.db")
    yield opened
    opened.close()


def test_the_code_expects_the_newest_migration():
    assert head() == schema.HEAD


def test_migrations_build_exactly_the_tables_of_the_schema(database: Database):
    with database.read() as tx:
        found = inspect(tx)
        tables = set(found.get_table_names()) - {"alembic_version"}
        columns = {name: {c["name"] for c in found.get_columns(name)} for name in tables}
    assert columns == {
        table.name: {column.name for column in table.columns}
        for table in schema.metadata.tables.values()
    }


def test_a_failed_block_changes_nothing(database: Database):
    def change_and_fail(tx):
        marks.set_mark(tx, "a", "1")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        database.writing(change_and_fail)
    assert database.reading(marks.mark, "a") is None


def test_readers_cannot_write(database: Database):
    with pytest.raises(OperationalError), database.read() as tx:
        tx.execute(text("DELETE FROM marks"))


def test_a_commit_is_synced_to_disk(database: Database):
    with database.write() as tx:
        assert tx.execute(text("PRAGMA synchronous")).scalar() == 2
        assert tx.execute(text("PRAGMA journal_mode")).scalar() == "wal"


def test_many_writers_and_readers_at_once_lose_nothing(database: Database):
    def add(count: int) -> None:
        for _ in range(count):
            with database.write() as tx:
                marks.set_mark(tx, "n", str(int(marks.mark(tx, "n") or 0) + 1))
            database.reading(marks.mark, "n")

    threads = [threading.Thread(target=add, args=(25,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.reading(marks.mark, "n") == "200"
    assert database.integrity_problems() == []
    assert database.open_transactions() == 0
