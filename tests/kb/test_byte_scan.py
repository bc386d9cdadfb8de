"""Looking for bytes in the files of a data folder."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from kb.files.folder import DataFolder
from kb.store.engine.database import note
from kb.store.engine.sqlite import SqliteDatabase
from kb.upkeep.byte_scan import PIECE_BYTES, scan

WORDS = 'The "quince" accord\nof spring — 春の協定'


@pytest.mark.parametrize(
    "stored",
    [
        WORDS.encode(),
        WORDS.encode("utf-16-le"),
        json.dumps({"text": f"so: {WORDS}!"}).encode(),
        b" " * (PIECE_BYTES - 7) + WORDS.encode(),
    ],
    ids=["plain", "UTF-16", "JSON", "across two pieces"],
)
def test_a_text_is_found_however_it_was_written(tmp_path: Path, stored: bytes):
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "file.bin").write_bytes(stored)
    (tmp_path / "other.bin").write_bytes(WORDS.encode()[:-1])
    seen = scan(DataFolder(tmp_path), [WORDS.encode(), b"\xff\xfe\x00\x01"])
    assert seen.files == 2
    assert seen.found == {WORDS.encode(): (tmp_path / "index" / "file.bin",)}


def test_bytes_of_a_vector_are_found_and_models_are_left_out(tmp_path: Path):
    vector = b"\xff\xfe\x00\x01" * 8
    for folder in ("index", "models", "originals/staging", "originals/ab"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "file").write_bytes(b"x" + vector)
    found = scan(DataFolder(tmp_path), [vector]).found[vector]
    assert {path.parent.name for path in found} == {"index", "staging"}


FOREIGN = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute("SELECT count(*) FROM marks").fetchall()
database.close()
"""


def test_a_stranger_that_reads_the_database_after_a_scan_does_not_take_its_log_away(tmp_path: Path):
    """Whoever closes a WAL database last removes the log; the locks say who is the last."""
    database = SqliteDatabase(tmp_path / "kb.db")
    database.writing(note, "before", "x")
    scan(DataFolder(tmp_path), [WORDS.encode()])
    subprocess.run([sys.executable, "-c", FOREIGN, str(database.path)], check=True)
    database.writing(note, "after", "x")
    count = (
        "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchone())"
    )
    query = "SELECT count(*) FROM marks WHERE name IN ('before', 'after')"
    seen = subprocess.run(
        [sys.executable, "-c", count, str(database.path), query], check=True, capture_output=True
    )
    with database.read() as tx:
        assert tx.scalar(text(query)) == int(seen.stdout) == 2
    database.close()
