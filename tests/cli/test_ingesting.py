"""Which files of a folder `kb ingest` takes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli.ingesting import files_under
from kb.errors import Rejected


def test_hidden_folders_are_not_looked_into_and_names_are_relative(tmp_path: Path):
    for name in ("b/deep/x.md", "a.md", ".git/objects/1", "b/.cache/y.md", "b/.z.md"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("text")

    assert [name for name, _ in files_under([tmp_path])] == ["a.md", "b/deep/x.md"]


def test_a_folder_that_cannot_be_read_is_named_not_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "locked").mkdir()
    (tmp_path / "a.md").write_text("text")
    scan = os.scandir

    def refusing(path):
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)

    with pytest.raises(Rejected, match=r"locked.*Permission denied"):
        files_under([tmp_path])
