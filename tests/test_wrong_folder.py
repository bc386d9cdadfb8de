"""A command in a wrong folder says so: only `serve`, `ingest` and `restore` make a data folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_cli import kb

pytestmark = pytest.mark.slow  # every command is a process of its own

COMMANDS = {
    "ask": ("ask", "Why?"),
    "fsck": ("fsck",),
    "fsck --repair": ("fsck", "--repair", "--json"),
    "backup": ("backup", "kept.tar"),
    "preview": ("preview", "moon.md"),
    "receipt": ("receipt", "doc_1"),
    "reindex": ("reindex", "d"),
    "erase": ("erase",),
    "datasets": ("datasets", "list"),
    "generations": ("datasets", "generations", "d"),
    "keys": ("keys", "create", "--kind", "admin"),
    "apps": ("apps", "list"),
    "route": ("apps", "route", "a", "base"),
    "eval run": ("eval", "run", "set.jsonl", "--dataset", "d"),
    "eval generate": ("eval", "generate", "--dataset", "d", "--out", "set.jsonl"),
}


def all_below(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
def test_a_command_without_a_data_folder_is_refused_in_one_line_and_makes_nothing(
    tmp_path, arguments
):
    (tmp_path / "moon.md").write_text("The moon rises.")
    before = all_below(tmp_path)
    done = kb(tmp_path / "data", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert str(tmp_path / "data") in done.stderr
    assert "KB_DATA_DIR" in done.stderr
    assert all_below(tmp_path) == before


def test_a_folder_that_holds_something_else_is_left_as_it_is(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "letter.txt").write_text("Dear all,")
    done = kb(data, "fsck")
    assert done.returncode == 1
    assert str(data) in done.stderr
    assert [path.name for path in data.iterdir()] == ["letter.txt"]


def test_a_restore_that_fails_leaves_no_folder_behind(tmp_path):
    data = tmp_path / "data"
    done = kb(data, "restore", "nowhere.tar")
    assert done.returncode == 1
    assert "nowhere.tar" in done.stderr
    assert not data.exists()


def test_a_backup_without_documents_says_so_and_names_the_folder(tmp_path):
    data = tmp_path / "data"
    (tmp_path / "moon.md").write_text("The moon rises over Ostrava at nine.")
    (tmp_path / "broken.pdf").write_bytes(b"")
    kb(data, "ingest", "broken.pdf", "--dataset", "d")
    empty = kb(data, "backup", "empty.tar", "--json")
    assert empty.returncode == 0
    assert str(data) in empty.stderr
    assert "no documents" in empty.stderr
    assert kb(data, "ingest", "moon.md", "--dataset", "d").returncode == 0
    full = kb(data, "backup", "full.tar")
    assert (full.returncode, full.stderr) == (0, "")
