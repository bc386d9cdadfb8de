"""Pages of the database are damaged: it is said which ones, and nothing is removed or repaired."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from kb.errors import DatabaseDamaged
from kb.opening.opening import open_kb
from kb.settings import EmbeddingSettings, Settings
from tests.parts import ADMIN, ingest, opened, publish
from tests.server import environment

pytestmark = [pytest.mark.slow, pytest.mark.one_folder]

FILES = {f"{n}.md": f"Text number{n} about things. " * 20 for n in range(5)}


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A folder that was not stopped cleanly, so that its start looks at everything."""
    data = tmp_path_factory.mktemp("whole") / "data"
    with opened(data) as kb:
        ingest(kb, kb.create_dataset(ADMIN, "d").id, FILES)
        publish(kb, "a")
    with sqlite3.connect(data / "kb.db") as database:
        database.execute("UPDATE marks SET value = 'no' WHERE name = 'clean_stop'")
    database.close()
    return data


@pytest.fixture
def data(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "data"))


def first_pages(path: Path) -> dict[str, int]:
    """Table or index → its first page, but for the list of them, which is page 1."""
    with sqlite3.connect(path) as database:
        trees = "SELECT name, rootpage FROM sqlite_schema WHERE rootpage > 0"
        found = dict(database.execute(trees).fetchall())
    database.close()
    return found


def flip(path: Path, page: int) -> None:
    with sqlite3.connect(path) as database:
        (size,) = database.execute("PRAGMA page_size").fetchone()
    database.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * 8)


def originals(data: Path) -> int:
    return len(list((data / "originals").glob("[0-9a-f][0-9a-f]/*")))


def findings(data: Path) -> str:
    """What the start or a check with repair says; at last comes what to do."""
    settings = Settings(data_dir=data, embedding=EmbeddingSettings(model="hash"), _env_file=None)
    try:
        kb = open_kb(settings)
    except DatabaseDamaged as exc:
        return exc.detail
    try:
        report = kb.fsck.run(repair=True)
        assert report.repaired == ()
        assert "kb restore" in report.advice[0]
        return "\n".join(f"{each.code}: {each.detail}" for each in report.violations)
    except DatabaseDamaged as exc:
        return exc.detail
    finally:
        with suppress(DatabaseDamaged):
            kb.close()


TREES = ("marks", "uploads", "datasets", "documents", "chunks", "embeddings", "messages")
INDEXES = ("sqlite_autoindex_embeddings_1", "sqlite_autoindex_keys_1")


@pytest.mark.parametrize("tree", TREES + INDEXES)
def test_a_damaged_page_of_a_table_or_an_index_is_named_and_nothing_is_removed(data, tree):
    page = first_pages(data / "kb.db")[tree]
    flip(data / "kb.db", page)
    assert f"{tree}: page {page} cannot be read" in findings(data)
    assert originals(data) == len(FILES)
    assert not (data / "lost").exists()


def test_a_file_whose_head_is_overwritten_does_not_start(data):
    with (data / "kb.db").open("r+b") as file:
        file.write(b"x" * 4096)
    assert "The database is damaged" in findings(data)
    assert originals(data) == len(FILES)


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_a_file_that_is_cut_does_not_start_or_says_so(data, share):
    path = data / "kb.db"
    with path.open("r+b") as file:
        file.truncate(int(path.stat().st_size * share))
    assert "damaged" in findings(data)
    assert originals(data) == len(FILES)
    assert not (data / "lost").exists()


def test_the_command_says_what_it_found_and_then_what_to_do(data):
    flip(data / "kb.db", first_pages(data / "kb.db")["messages"])
    done = subprocess.run(
        [sys.executable, "-m", "cli", "fsck"],
        env=environment(data),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    lines = done.stderr.splitlines()
    found = [number for number, line in enumerate(lines) if line.startswith("database: ")]
    advised = [number for number, line in enumerate(lines) if "kb restore" in line]
    assert found
    assert min(advised) > max(found)
