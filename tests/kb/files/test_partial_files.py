"""Unfinished files: parts become one file, however many there are."""

from __future__ import annotations

import os
import resource
from pathlib import Path

from kb.files.partial_files import PartialFiles


def test_more_parts_than_files_may_be_open_are_joined(tmp_path: Path):
    files = PartialFiles(tmp_path)
    highest = max(map(int, os.listdir("/proc/self/fd")))
    parts = [f"part{number}" for number in range(highest + 40)]
    for name in (*parts, "whole"):
        files.create(name)
    for name in parts:
        files.append(name, name.encode())
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 32, hard))
    try:
        files.join("whole", parts)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert files.path("whole").read_text() == "".join(parts)
