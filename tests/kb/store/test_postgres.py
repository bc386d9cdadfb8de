"""What is special about rows on a Postgres server. All other suites here run on it as well."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import insert, select, text, true, update
from sqlalchemy.exc import DBAPIError

from kb.errors import DatabaseUnavailable, Rejected
from kb.store.content import datasets
from kb.store.engine import dialect, schema
from kb.store.engine.database import Transaction
from kb.store.engine.postgres import PostgresDatabase
from tests.kb.store.test_database import mark, set_mark, tables_of
from tests.parts import ADMIN
from tests.postgres import PostgresServer
from tests.server import ROOT

FIRST_SCHEMA = Path(__file__).with_name("postgres_0015.sql")
"""The first one on a server: `pg_dump --schema-only`, without comments and settings."""

pytestmark = pytest.mark.needs("postgres")


@pytest.fixture
def database(postgres_url: str) -> Iterator[PostgresDatabase]:
    opened = PostgresDatabase(postgres_url)
    yield opened
    opened.close()


def test_processes_that_start_at_once_make_the_tables_once(postgres: PostgresServer):
    start = "import sys; from kb.store.engine.postgres import PostgresDatabase as Opened"
    command = [sys.executable, "-c", f"{start}; Opened(sys.argv[1]).close()"]
    with postgres.database() as url:
        started = [subprocess.Popen([*command, url], cwd=ROOT) for _ in range(3)]
        assert [process.wait() for process in started] == [0, 0, 0]
        opened = PostgresDatabase(url)
        with opened.read() as tx:
            found = tx.execute(select(schema.alembic_version.c.version_num)).scalars().all()
        opened.close()
    assert found == [schema.HEAD]


def test_a_database_of_a_newer_version_is_refused(database: PostgresDatabase, postgres_url: str):
    with database.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Rejected, match="newer version"):
        PostgresDatabase(postgres_url)


def test_a_database_of_the_first_schema_on_a_server_gets_the_tables_of_a_new_one(
    postgres: PostgresServer, database: PostgresDatabase
):
    with postgres.database() as url:
        with psycopg.connect(url) as older:
            older.execute(FIRST_SCHEMA.read_bytes())
        upgraded = PostgresDatabase(url)
        assert upgraded.reading(tables_of) == database.reading(tables_of)
        upgraded.close()


def test_a_write_runs_alone_among_all_processes(database: PostgresDatabase, postgres_url: str):
    other = PostgresDatabase(postgres_url)

    def add(own: PostgresDatabase) -> None:
        for _ in range(25):
            with own.write() as tx:
                set_mark(tx, "n", str(int(mark(tx, "n") or 0) + 1))

    threads = [threading.Thread(target=add, args=(own,)) for own in (database, other) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert database.reading(mark, "n") == "100"


def test_a_write_beside_does_not_wait_for_one_that_runs_alone(database: PostgresDatabase):
    with database.write(), database.write_beside() as beside:
        set_mark(beside, "a", "1")
    assert database.reading(mark, "a") == "1"


def test_a_read_is_a_snapshot(database: PostgresDatabase):
    with database.read() as tx:
        assert mark(tx, "a") is None
        database.writing(set_mark, "a", "1")
        assert mark(tx, "a") is None
    assert database.reading(mark, "a") == "1"


def test_a_server_that_restarts_is_used_again_without_a_new_start(
    postgres: PostgresServer, database: PostgresDatabase
):
    def change_while_it_stops() -> None:
        with database.write() as tx:
            set_mark(tx, "a", "2")
            postgres.stop()

    database.writing(set_mark, "a", "1")
    with pytest.raises(DatabaseUnavailable):
        change_while_it_stops()
    with pytest.raises(DatabaseUnavailable):
        database.reading(mark, "a")
    postgres.start()
    assert database.reading(mark, "a") == "1"
    postgres.stop()
    postgres.start()
    database.writing(set_mark, "a", "3")
    assert database.reading(mark, "a") == "3"
    assert database.open_transactions() == 0


def test_writers_lose_nothing_that_was_committed_when_the_server_crashes_under_them(
    postgres: PostgresServer, database: PostgresDatabase
):
    is_enough, written, refused = threading.Event(), set[str](), set[str]()

    def write(own: int) -> None:
        number = 0
        while not is_enough.is_set():
            name, number = f"{own}.{number}", number + 1
            try:
                database.writing(set_mark, name, "")
                written.add(name)
            except DatabaseUnavailable:
                refused.add(name)

    threads = [threading.Thread(target=write, args=(own,)) for own in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        before = len(written)
        while len(written) < before + 20:
            is_enough.wait(0.01)
        postgres.stop()
        postgres.start()
    is_enough.set()
    for thread in threads:
        thread.join()
    with database.read() as tx:
        stored = set(tx.execute(select(schema.marks.c.name)).scalars())
    assert written <= stored <= written | refused


def test_a_lock_is_free_when_the_process_that_holds_it_is_cut_off(
    postgres: PostgresServer, postgres_url: str, database: PostgresDatabase
):
    other = PostgresDatabase(postgres_url)

    def change_after_another() -> None:
        with database.write() as tx:
            backend = tx.execute(text("SELECT pg_backend_pid()")).scalar_one()
            postgres.run(f"SELECT pg_terminate_backend({backend})")
            other.writing(set_mark, "a", "other")
            set_mark(tx, "a", "late")

    with pytest.raises(DatabaseUnavailable):
        change_after_another()
    other.close()
    assert database.reading(mark, "a") == "other"


def test_what_is_found_by_key_never_reads_a_whole_table_even_if_it_was_first_asked_of_an_empty_one(
    database: PostgresDatabase,
):
    def lines(tx: Transaction) -> list[str]:
        return [line for (line,) in tx.exec_driver_sql(f"EXPLAIN {asked}", (["a"], [b"a"]))]

    columns = "FROM chunks JOIN documents ON chunks.document_id = documents.id"
    asked = f"SELECT 1 {columns} WHERE chunks.id = ANY (%s) OR chunks.text_hash = ANY (%s::bytea[])"

    plan = database.asking(lines)
    assert not [line for line in plan if "Seq Scan" in line or "Hash Join" in line]
    scanned = [line for line in plan if " on " in line]
    assert " on chunks" in scanned[0]
    assert " on documents" in scanned[-1]


@pytest.mark.parametrize("name", [None, "a"])
def test_an_error_shows_no_value_of_a_row(database: PostgresDatabase, name: str | None):
    secret = "hidden prompt of an app"
    database.writing(set_mark, "a", "1")
    row = insert(schema.marks).values(name=name, value=secret)
    with pytest.raises(DBAPIError) as refused:
        database.writing(lambda tx: tx.execute(row))
    assert secret not in f"{refused.value!r} {refused.value} {refused.value.orig}"


def test_an_error_shows_no_value_that_was_to_be_another(database: PostgresDatabase):
    query = text("SELECT CAST(value AS INT) FROM (VALUES ('hidden')) v(value)")
    with pytest.raises(DBAPIError) as refused:
        database.reading(lambda tx: tx.execute(query))
    assert "hidden" not in str(refused.value.orig)


def test_a_character_that_the_server_does_not_store_is_replaced_by_one_that_says_so(
    database: PostgresDatabase,
):
    database.writing(set_mark, "a\0", "b\0c")
    assert database.reading(mark, "a\ufffd") == "b\ufffdc"
    database.writing(datasets.create, ADMIN, name="d", embedder="e")
    values = {"\0": "x", "path": "a\\u0000", "tail": "\\\0"}
    table, entry = schema.datasets, dialect.json_entries(schema.datasets.c.metadata, "entry")
    with database.write() as tx:
        tx.execute(update(table).values(metadata=values))
        query = select(entry.c.key, entry.c.value).select_from(table.join(entry, true()))
        found = {row.key: row.value for row in tx.execute(query)}
    assert found == {"\ufffd": "x", "path": "a\\u0000", "tail": "\\\ufffd"}


def test_texts_are_ordered_by_their_bytes_whatever_the_database_prefers(postgres: PostgresServer):
    with postgres.database() as url:
        locale = "LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C.UTF-8' TEMPLATE template0"
        name = url.rpartition("/")[2]
        postgres.drop(name)
        postgres.run(f"CREATE DATABASE {name} {locale}")
        opened = PostgresDatabase(url)
        for key in ("b", "B", "a", "Z", "é"):
            opened.writing(set_mark, key, "")
        with opened.read() as tx:
            query = select(schema.marks.c.name).order_by(schema.marks.c.name)
            found = tx.execute(query).scalars().all()
        opened.close()
    assert found == ["B", "Z", "a", "b", "é"]


def test_numbers_are_as_big_as_in_a_file(database: PostgresDatabase):
    with database.read() as tx:
        columns = tables_of(tx)["documents"]["columns"]
    assert columns["size_bytes"][0] == "BIGINT"


@pytest.mark.parametrize("url", ["nonsense", "postgresql://host:port/name"])
def test_what_is_no_address_is_refused_and_not_shown(url: str):
    with pytest.raises(Rejected, match="must look like") as refused:
        PostgresDatabase(url)
    assert url not in str(refused.value)


def test_a_server_that_is_not_there_is_said_so():
    with pytest.raises(DatabaseUnavailable, match="KB_DATABASE__URL"):
        PostgresDatabase("postgresql://kb:secret@127.0.0.1:9/kb")


def test_each_test_has_a_database_of_its_own_that_holds_the_schema(postgres_url: str):
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM marks").fetchone() == (0,)
