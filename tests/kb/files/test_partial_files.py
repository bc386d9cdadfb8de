"""Unfinished files: parts become one file, however many there are."""

from __future__ import annotations

import os
import resource
from pathlib import Path

from kb.files.folder_originals import FolderOriginals
from kb.files.partial_files import FolderPartialFiles


def test_more_parts_than_files_may_be_open_are_joined(tmp_path: Path):
    files = FolderPartialFiles(tmp_path / "uploads", FolderOriginals(tmp_path / "originals"))
    highest = max(map(int, os.listdir("/proc/self/fd")))
    parts = [f"part{number}" for number in range(highest + 40)]
    for name in (*parts, "whole"):
        files.create(name)
    for name in parts:
        files.append(name, name.encode(), at=0)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 32, hard))
    try:
        files.join("whole", parts)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert files.path("whole").read_text() == "".join(parts)


def test_bytes_that_no_upload_owns_are_kept_in_lost(tmp_path: Path):
    files = FolderPartialFiles(tmp_path / "uploads", FolderOriginals(tmp_path / "originals"))
    files.create("stray")
    files.append("stray", b"of whom?", at=0)
    files.set_aside("stray")
    assert (tmp_path / "lost" / "stray").read_bytes() == b"of whom?"
