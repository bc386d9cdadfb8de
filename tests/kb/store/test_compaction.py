"""The database file is written anew while others read and write; no change of theirs is lost."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, text, update

from kb.errors import Rejected
from kb.opening.opening import open_kb
from kb.settings import Settings
from kb.store.engine import dialect, schema
from kb.store.engine import sqlite as engine
from kb.store.engine.sqlite import SqliteDatabase, damage
from kb.types import Processing
from tests.server import ROOT
from tests.steps import in_the_middle_of

LOST = "Zanzibar kumquat protocol"
jobs, marks, datasets = schema.jobs, schema.marks, schema.datasets


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    opened = SqliteDatabase(tmp_path / "kb.db")
    with opened.write() as tx:
        for name in "abcdefgh":
            tx.execute(insert(marks).values(name=name, value=name * 900))
            tx.execute(insert(datasets).values(**dataset(name)))
    yield opened
    opened.close()


def dataset(name: str) -> dict[str, object]:
    kept = {"workspace": "w", "description": "", "processing": Processing(), "embedder": "hash"}
    return kept | {"id": f"ds_{name}", "name": name, "generation": 1, "created_at": "now"}


def job(subject: str) -> dict[str, object]:
    kept = {"kind": "index", "subject": subject, "payload": {}, "batch_id": "b", "attempts": 0}
    return kept | {"token": 0, "run_after": 0.0}


def contents(database: SqliteDatabase) -> dict[str, list[tuple[object, ...]]]:
    with database.read() as tx:
        return {
            table.name: sorted((tuple(row) for row in tx.execute(select(table))), key=repr)
            for table in schema.metadata.sorted_tables
        }


def compact_during(database: SqliteDatabase, work: Callable[[], None]) -> bool:
    with in_the_middle_of("VACUUM INTO", work) as happened:
        is_done = database.compact()
    assert happened
    return is_done


def test_what_is_written_while_a_copy_is_made_is_in_the_new_file(database: SqliteDatabase):
    def write() -> None:
        with database.write() as tx:
            tx.execute(insert(marks).values(name="new", value="1"))
            tx.execute(update(marks).where(marks.c.name == "a").values(value="changed"))
            tx.execute(update(marks).where(marks.c.name == "b").values(name="renamed"))
            tx.execute(delete(marks).where(marks.c.name == "c"))
            dialect.upsert(tx, marks, {"name": "d", "value": "put"}, replace=["value"])
            tx.execute(insert(jobs).values(**job("x")))
        with database.write() as tx:  # two change names, which are unique
            tx.execute(delete(datasets).where(datasets.c.id == "ds_a"))
            tx.execute(update(datasets).where(datasets.c.id == "ds_b").values(name="a"))
            tx.execute(update(datasets).where(datasets.c.id == "ds_c").values(name="b"))
        with suppress(RuntimeError), database.write() as tx:
            tx.execute(delete(marks))
            raise RuntimeError  # rolled back, and what was noted of it as well

    before = database.path.stat().st_ino
    written: list[object] = []
    assert compact_during(database, lambda: (write(), written.append(contents(database)))[0])
    assert database.path.stat().st_ino != before
    assert [contents(database)] == written
    assert database.integrity_problems() == []


def test_a_number_that_was_given_out_while_a_copy_was_made_is_not_given_out_again(database):
    numbers: list[int] = []

    def queue_and_drop() -> None:
        with database.write() as tx:
            made = tx.execute(insert(jobs).values(**job("x")))
            numbers.append(made.inserted_primary_key[0])
            tx.execute(delete(jobs))

    assert compact_during(database, queue_and_drop)
    queue_and_drop()
    assert numbers[1] > numbers[0]


def test_threads_that_read_and_write_all_the_while_lose_nothing(database: SqliteDatabase):
    is_over = threading.Event()
    added: list[int] = []

    def add(own: int) -> None:
        for number in range(10**6):
            with database.write() as tx:
                tx.execute(insert(marks).values(name=f"{own}-{number}", value=LOST))
            with database.read() as outer, database.read() as inner:  # as parts of a search do
                seen = [tx.scalar(text("SELECT count(*) FROM marks")) for tx in (outer, inner)]
                assert seen[1] >= seen[0] > number
            if is_over.is_set():
                added.append(number + 1)
                return

    threads = [threading.Thread(target=add, args=(own,)) for own in range(4)]
    for thread in threads:
        thread.start()
    done = [database.compact() for _ in range(5)]
    is_over.set()
    for thread in threads:
        thread.join()
    assert done == [True] * 5
    with database.read() as tx:
        assert tx.scalar(text("SELECT count(*) FROM marks")) == sum(added) + 8
    assert database.integrity_problems() == []


def test_a_read_that_does_not_end_puts_the_switch_off(database: SqliteDatabase, monkeypatch):
    monkeypatch.setattr(engine, "SWITCH_TRIES", 2)
    held, is_over = threading.Event(), threading.Event()

    def read() -> None:
        with database.read() as tx:
            tx.execute(select(marks)).all()
            held.set()
            is_over.wait(60)

    reader = threading.Thread(target=read)
    reader.start()
    held.wait()
    before = contents(database)
    assert not database.compact()
    assert contents(database) == before
    is_over.set()
    reader.join()
    assert database.compact()
    assert contents(database) == before


def test_another_process_that_has_the_file_open_puts_the_switch_off(database, monkeypatch):
    monkeypatch.setattr(engine, "SWITCH_TRIES", 1)
    foreign = sqlite3.connect(database.path)
    assert foreign.execute("SELECT count(*) FROM marks").fetchone() == (8,)
    assert not database.compact()
    foreign.close()
    assert database.compact()
    assert len(contents(database)["marks"]) == 8


@pytest.mark.one_folder
def test_a_whole_copy_of_a_file_that_is_missing_is_never_removed_and_named_at_the_start(tmp_path):
    settings = Settings(data_dir=tmp_path, embedding={"model": "hash"}, _env_file=None)
    open_kb(settings).close()
    copy = tmp_path / "kb.db.compacting"
    (tmp_path / "kb.db").rename(copy)

    for as_is in (False, True):
        with pytest.raises(Rejected, match=r"kb\.db is missing.*kb\.db\.compacting"):
            open_kb(settings, as_is=as_is)
    SqliteDatabase(tmp_path / "kb.db").close()  # of another command
    assert damage(copy) == []
    (tmp_path / "kb.db").unlink()
    copy.rename(tmp_path / "kb.db")
    open_kb(settings).close()


@pytest.mark.one_folder
def test_half_a_copy_is_nobodys_and_goes(tmp_path):
    settings = Settings(data_dir=tmp_path, embedding={"model": "hash"}, _env_file=None)
    open_kb(settings).close()
    copy = tmp_path / "kb.db.compacting"
    copy.write_bytes((tmp_path / "kb.db").read_bytes()[:20_000])
    (tmp_path / "kb.db").unlink()
    with pytest.raises(Rejected, match="missing or empty"):
        open_kb(settings)
    open_kb(settings, as_is=True).close()
    open_kb(settings).close()
    assert not copy.exists()


KILLED = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import Engine, event, text
from kb.store.engine.sqlite import SqliteDatabase
from tests.steps import in_the_middle_of

def die(*_): os.kill(os.getpid(), signal.SIGKILL)

def replaced(self, target):
    os.replace(self, target)
    die()

moment, database = sys.argv[2], SqliteDatabase(Path(sys.argv[1]))
if moment == "before the switch": Path.replace = die
if moment == "after the switch": Path.replace = replaced
def change():
    with database.write() as tx:
        for number in range(50):
            tx.execute(text(f"INSERT INTO marks VALUES ('{number}', hex(zeroblob(4000)))"))
with in_the_middle_of("VACUUM INTO", die if moment == "copying" else change):
    if moment == "catching up":
        @event.listens_for(Engine, "after_cursor_execute")
        def _done(connection, cursor, statement, *rest):
            if "INSERT INTO main.sqlite_sequence" in statement:
                die()
    database.compact()
"""


@pytest.mark.parametrize(
    "moment", ["copying", "catching up", "before the switch", "after the switch"]
)
def test_a_kill_at_any_moment_leaves_a_whole_file_and_the_next_one_goes_on(
    database: SqliteDatabase, moment: str
):
    database.close()
    command = [sys.executable, "-c", KILLED, str(database.path), moment]
    child = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert child.returncode == -signal.SIGKILL, child.stderr

    again = SqliteDatabase(database.path)
    expected = 8 if moment == "copying" else 58
    assert len(contents(again)["marks"]) == expected
    assert again.compact()
    assert len(contents(again)["marks"]) == expected
    assert again.integrity_problems() == []
    assert {path.name for path in database.path.parent.glob("kb.db.*")} == set()
    again.close()
