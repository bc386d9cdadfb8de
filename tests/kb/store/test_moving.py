"""Rows of a data folder on a server, and back in a folder: each as it was."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kb.errors import Conflict, Rejected
from kb.knowledge_base import KnowledgeBase
from kb.store.content import documents, index_ops
from kb.store.engine import schema
from kb.store.engine.database import Database, note
from kb.store.engine.postgres import PostgresDatabase
from kb.store.engine.sqlite import SqliteDatabase
from kb.store.upkeep import moving
from kb.store.work import jobs
from kb.store.work.processes import ProcessOwner
from tests.parts import ADMIN, ask, ingest, publish, upload

pytestmark = [pytest.mark.needs("postgres"), pytest.mark.one_folder]

WITH_NUL = '{"a": "\\u0000"}'
"""Which Postgres does not store as a text."""
OF_THE_PLACE = ("clean_stop", "index_seals")


@pytest.fixture
def file(kb: KnowledgeBase) -> Iterator[SqliteDatabase]:
    """What a folder holds that was worked with: documents, a job that waits, an app, an answer."""
    dataset = kb.create_dataset(ADMIN, "d")
    found = ingest(
        kb, dataset.id, {f"{n}.md": f"Rain falls on day {n}. Über 雨" for n in range(30)}
    )
    fields = {"year": 2024, "path": "a\\u0000b", "is new": True}
    with kb.database.write() as tx:
        documents.set_metadata(tx, dict.fromkeys(found.values(), fields))
        tx.exec_driver_sql("UPDATE documents SET metadata = ? WHERE name = '1.md'", (WITH_NUL,))
    upload(kb, dataset.id, {"waits.md": "It waits."})
    publish(kb, "weather", dataset_ids=(dataset.id,))
    ask(kb, "weather", "On which day does rain fall?")
    kb.close()
    opened = SqliteDatabase(kb.folder.database)
    yield opened
    opened.close()


@pytest.fixture
def server(postgres_url: str) -> Iterator[PostgresDatabase]:
    opened = PostgresDatabase(postgres_url)
    yield opened
    opened.close()


def move(source: Database, target: Database, say: moving.Say = lambda *_: None) -> None:
    moving.begin(source, target)
    moving.carry(source, target, say)
    moving.finish(source, target)


def contents(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every value as it lies in a file."""
    with closing(sqlite3.connect(path)) as opened:
        return {
            table.name: [
                row
                for row in opened.execute(f'SELECT * FROM "{table.name}" ORDER BY 1, 2').fetchall()
                if row[0] not in OF_THE_PLACE
            ]
            for table in schema.metadata.sorted_tables
            if table in moving._TABLES or table is schema.marks
        }


def test_there_and_back_again_every_value_is_what_it_was(
    file: SqliteDatabase, server: PostgresDatabase, tmp_path: Path
):
    move(file, server)
    with server.read() as tx:
        named = {field: count for field, _, count in documents.metadata_fields(tx, ADMIN, "none")}
        found = {row.name: row.metadata for row in tx.execute(schema.documents.select())}
    assert named == {}
    assert found["0.md"] == {"year": 2024, "path": "a\\u0000b", "is new": True}
    assert found["1.md"] == {"a": "\ufffd"}

    back = SqliteDatabase(tmp_path / "back.db")
    move(server, back)
    back.close()
    before, after = contents(file.path), contents(tmp_path / "back.db")
    assert len(before["chunks"]) == 30
    assert len(before["messages"]) == 1
    place = [row[2] for row in before["documents"]].index("1.md")
    changed = before["documents"][place], after["documents"][place]
    assert [pair for pair in zip(*changed, strict=True) if pair[0] != pair[1]] == [
        (WITH_NUL, '{"a": "\\ufffd"}')
    ]
    before["documents"][place] = after["documents"][place]
    assert after == before


def given_out(database: Database) -> int:
    """The id that the next job gets; nothing is left of the job."""
    with database.write() as tx:
        jobs.add(tx, "tune", {"job_x": {}}, "")
        (added,) = jobs.claim(tx, "me", "tune")
        jobs.finish(tx, [added])
    return added.id


def test_an_id_is_given_out_once_also_where_its_row_is_gone(
    file: SqliteDatabase, server: PostgresDatabase, tmp_path: Path
):
    last = given_out(file)
    move(file, server)
    assert given_out(server) == last + 1

    back = SqliteDatabase(tmp_path / "back.db")
    move(server, back)
    assert given_out(back) == last + 2
    back.close()


def test_numbering_goes_on_through_a_place_where_nothing_was_done(
    file: SqliteDatabase, server: PostgresDatabase, tmp_path: Path
):
    last = given_out(file)
    move(file, server)
    back = SqliteDatabase(tmp_path / "back.db")
    move(server, back)
    assert given_out(back) == last + 1
    back.close()


def test_steps_of_indexes_are_numbered_beyond_those_that_came(
    file: SqliteDatabase, server: PostgresDatabase
):
    with file.write() as tx:
        index_ops.add(tx, "drop", "ds_x", 1)
        (came,) = index_ops.oldest(tx, 10)
    move(file, server)
    with server.write() as tx:
        index_ops.add(tx, "drop", "ds_y", 1)
        assert [op.seq for op in index_ops.oldest(tx, 10)] == [came.seq, came.seq + 1]


def test_what_was_broken_off_goes_on_where_it_stopped(
    file: SqliteDatabase, server: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(moving, "ROWS_AT_ONCE", 10)
    carried: list[tuple[str, int]] = []

    def stop_amid_the_chunks(table: str, done: int, whole: int) -> None:
        carried.append((table, done))
        if (table, done) == ("chunks", 20):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        move(file, server, stop_amid_the_chunks)
    with pytest.raises(Rejected, match="kb move"):
        server.writing(moving.work_begins)
    with pytest.raises(Rejected, match="only a part"):
        moving.begin(server, file)
    before, carried = carried, []
    move(file, server, lambda table, done, _: carried.append((table, done)))
    assert ("chunks", 30) in carried
    assert set(carried) & set(before) == set()
    server.writing(moving.work_begins)


def test_a_move_begins_anew_if_somebody_worked_on_the_source_meanwhile(
    file: SqliteDatabase, server: PostgresDatabase
):
    moving.begin(file, server)
    moving.carry(file, server, lambda *_: None)
    with file.write() as tx:
        moving.work_begins(tx)
        tx.execute(schema.documents.update().values(name=schema.documents.c.name + "!"))
    move(file, server)
    with server.read() as tx:
        assert all(row.name.endswith("!") for row in tx.execute(schema.documents.select()))


def test_nothing_is_moved_while_a_process_works_on_it(
    file: SqliteDatabase, server: PostgresDatabase, tmp_path: Path
):
    process = ProcessOwner(server, tmp_path / "process")
    with pytest.raises(Conflict, match="1 processes work"):
        move(file, server)
    process.close()
    move(file, server)


def test_rows_of_others_are_not_mixed_with_what_comes(
    file: SqliteDatabase, server: PostgresDatabase
):
    with server.write() as tx:
        note(tx, "a", "1")
        jobs.add(tx, "index", {"doc_x": {"version": 1}}, "b")
    with pytest.raises(Conflict, match="not empty"):
        move(file, server)
