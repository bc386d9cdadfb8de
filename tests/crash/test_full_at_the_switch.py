"""A disk that is full exactly at a switch: the state before or after, whole, and work goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event, insert, select

from kb.errors import StorageFull
from kb.knowledge_base import KnowledgeBase
from kb.store.content import datasets
from kb.store.engine import schema
from kb.store.engine.database import Database
from kb.store.engine.sqlite import SqliteDatabase
from tests.crash.test_disk_full import fill, small_disk
from tests.ingest.work.reindexing_parts import FILES, SMALL, build, clean, found, generations_of
from tests.parts import ADMIN, ingest, opened
from tests.steps import in_the_middle_of

__all__ = ["small_disk"]

ROWS = {f"row{number}": f"{number:04}" * 400 for number in range(3000)}
MOMENTS = ("copying", "catching up", "before the switch", "after the switch")


def rows(database: Database) -> dict[str, str]:
    with database.read() as tx:
        every = tx.execute(select(schema.marks))
        return {row.name: row.value for row in every}


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_disk_full_while_the_database_is_compacted_costs_no_row(
    small_disk: Path, monkeypatch, moment: str
):
    path, ballast = small_disk / "kb.db", small_disk / "ballast"
    database = SqliteDatabase(path)
    with database.write() as tx:
        tx.execute(insert(schema.marks), [{"name": n, "value": v} for n, v in ROWS.items()])
    expected = dict(ROWS)

    def write_much() -> None:
        with database.write() as tx:
            for number in range(1500):
                expected[f"new{number}"] = "n" * 2000
                tx.execute(insert(schema.marks).values(name=f"new{number}", value="n" * 2000))

    def full(done: Callable[[], None] = lambda: None) -> None:
        done()
        fill(ballast)

    replace = Path.replace
    if moment == "before the switch":
        monkeypatch.setattr(Path, "replace", lambda *names: (full(), replace(*names))[1])
    if moment == "after the switch":
        monkeypatch.setattr(Path, "replace", lambda *names: full(lambda: replace(*names)))

    def filled(_connection, _cursor, statement: str, *_rest) -> None:
        if statement.startswith("ATTACH"):
            full()

    if moment == "catching up":
        event.listen(Engine, "after_cursor_execute", filled)
    try:
        with in_the_middle_of("VACUUM INTO", full if moment == "copying" else write_much) as done:
            try:
                database.compact()
                is_compact = True
            except StorageFull:
                is_compact = False
        assert done
    finally:
        if moment == "catching up":
            event.remove(Engine, "after_cursor_execute", filled)
    monkeypatch.undo()
    assert ballast.exists()
    assert not is_compact or moment in MOMENTS[2:]
    assert rows(database) == expected, "it can be read while the disk is full"

    ballast.unlink()
    with database.write() as tx:
        tx.execute(insert(schema.marks).values(name="late", value="1"))
    assert database.compact()
    assert rows(database) == expected | {"late": "1"}
    assert database.integrity_problems() == []
    assert [each.name for each in small_disk.glob("kb.db.*")] == []
    database.close()
    again = SqliteDatabase(path)
    assert rows(again) == expected | {"late": "1"}
    again.close()


@contextmanager
def full_at(moment: str, ballast: Path) -> Iterator[list[object]]:
    """Fill the disk in the middle of a statement, or before what was written is committed."""
    if moment != "the commit":
        with in_the_middle_of(moment, lambda: fill(ballast)) as happened:
            yield happened
        return
    happened = []

    def filled(tx: Connection) -> None:
        if tx.info.get("notices") is not None:  # of the writer
            happened.append(fill(ballast))

    event.listen(Engine, "commit", filled)
    try:
        yield happened
    finally:
        event.remove(Engine, "commit", filled)


def live_generation(kb: KnowledgeBase, dataset_id: str) -> int:
    return kb.database.reading(datasets.get, ADMIN, dataset_id).generation


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["UPDATE datasets", "UPDATE generations", "the commit"])
def test_a_disk_full_while_a_generation_is_switched_leaves_the_old_one_or_the_new_one(
    small_disk: Path, moment: str
):
    ballast = small_disk / "ballast"
    with opened(small_disk / "data") as kb:
        dataset_id = kb.create_dataset(ADMIN, "d").id
        ingest(kb, dataset_id, FILES)
        kb.reindexing.begin(ADMIN, dataset_id, processing=SMALL)
        build(kb, dataset_id)
        kb.database.close()  # the next connections are watched
        with full_at(moment, ballast) as happened:
            try:
                kb.reindexing.switch(ADMIN, dataset_id, 2)
                expected = 2
            except StorageFull as exc:
                print(repr(exc), repr(exc.__cause__))
                expected = 1
        assert happened
        fill(ballast)
        assert live_generation(kb, dataset_id) == expected
        assert generations_of(found(kb, dataset_id, "moon")) == {str(expected)}

        ballast.unlink()
        if expected == 1:
            kb.reindexing.switch(ADMIN, dataset_id, 2)
        assert live_generation(kb, dataset_id) == 2
        assert generations_of(found(kb, dataset_id, "moon")) == {"2"}
        clean(kb)
