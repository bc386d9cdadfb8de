"""Copies of originals on this machine, so that what is read again is not fetched again."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from kb.files.folder_originals import named

KEEP_S = 600.0
"""Who was given a path opens it within this time; what is open may go from its folder."""
ROOM = 0.9
"""Of the limit is in use after making room: one look at all files for many that are added."""


class Cache:
    """Whole copies, by hash, in a bounded folder: those that were not used for longest go first.
    Thread-safe; other processes have folders of their own."""

    def __init__(self, root: Path, limit_bytes: int) -> None:
        self._root = root
        self._limit = limit_bytes
        self._lock = threading.Lock()
        self._used = sum(path.stat().st_size for path in named(root))

    def path(self, sha256: str) -> Path:
        """Where the copy of that hash lies, or would lie."""
        return self._root / sha256[:2] / sha256

    def use(self, sha256: str) -> bool:
        """Whether there is a copy; it stays for some time."""
        try:
            os.utime(self.path(sha256))
        except FileNotFoundError:
            return False
        return True

    def add(self, path: Path, sha256: str) -> None:
        """Move a synced file with that hash into the cache."""
        target = self.path(sha256)
        target.parent.mkdir(exist_ok=True)
        with self._lock:
            self._used -= _size(target)
            os.replace(path, target)
            self._used += _size(target)
            if self._used > self._limit:
                self._make_room()

    def remove(self, sha256: str) -> None:
        """Delete a copy, if there is one."""
        with self._lock:
            self._used -= _size(self.path(sha256))
            self.path(sha256).unlink(missing_ok=True)

    def names(self) -> Iterator[str]:
        """The hashes of all copies."""
        return (path.name for path in named(self._root))

    def _make_room(self) -> None:
        states = {path: path.stat() for path in named(self._root)}
        self._used = sum(state.st_size for state in states.values())
        idle_since = time.time() - KEEP_S
        for path, state in sorted(states.items(), key=lambda item: item[1].st_mtime):
            if self._used <= ROOM * self._limit or state.st_mtime > idle_since:
                return
            path.unlink(missing_ok=True)
            self._used -= state.st_size


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
