"""Originals in a folder: temporary file → fsync → rename → fsync folder."""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from kb.files.originals import HEAD_BYTES, Sent, Staged, Staging, fsync_folder, full_disk_reported


class FolderOriginals(Staging):
    """The folder of originals: `root/ab/abcdef…`, and for what is not named yet
    `root/staging/OWNER`. What no row needs goes to `lost/` beside it."""

    def __init__(self, root: Path, owner: str = "alone") -> None:
        """
        Args:
            owner: the id of this process among those that work on the folder.
        """
        super().__init__(root, owner)
        self._root = root
        self._lost = root.parent / "lost"
        self._holding = threading.Lock()
        self._holders = 0
        self._unwanted: set[str] = set()

    def stage_file(self, path: Path) -> Staged:
        """Stage a file that is whole and on disk already; it stays where it is.

        Raises:
            StorageFull: no space; nothing is left behind.
        """
        staged = self._staging / secrets.token_hex(8)
        with full_disk_reported():
            os.link(path, staged)
        with staged.open("rb") as file:
            head = file.read(HEAD_BYTES)
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Staged(staged, digest, staged.stat().st_size, head)

    def send(self, staged: Iterable[Staged]) -> Sent:
        """They are on the disk already."""
        return Sent(tuple(staged))

    def adopt(self, tx: Any, sent: Sent) -> None:
        """Give staged files their lasting names."""
        with full_disk_reported():
            folders = {self._place(item) for item in sent.files}
            for folder in folders:
                fsync_folder(folder)

    def path(self, sha256: str) -> Path:
        """Where the bytes with that hash lie."""
        return self._root / sha256[:2] / sha256

    def has(self, sha256: str) -> bool:
        """Whether there is a file with that name."""
        return self.path(sha256).is_file()

    def digest(self, sha256: str) -> str:
        """The hash that its bytes have. Raises OSError."""
        with self.path(sha256).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def remove(self, tx: Any, sha256: str) -> None:
        """Delete an original. While somebody holds the originals, it stays, and `release` names
        it."""
        with self._holding:
            if self._holders:
                self._unwanted.add(sha256)
            else:
                self.path(sha256).unlink(missing_ok=True)

    def hold(self) -> None:
        """From now on no original is deleted, until everyone who held them has released them."""
        with self._holding:
            self._holders += 1

    def release(self) -> set[str]:
        """End one hold; the last one gets what was to be removed, to be looked at anew."""
        with self._holding:
            self._holders -= 1
            if self._holders:
                return set()
            unwanted, self._unwanted = self._unwanted, set()
            return unwanted

    def hashes(self) -> Iterator[str]:
        """The names of all originals on disk, but for those that go when they are released."""
        return (path.name for path in named(self._root) if path.name not in self._unwanted)

    def set_aside(self, tx: Any, sha256: str) -> None:
        """Move a file to `lost/`."""
        self.put_into_lost(self.path(sha256))

    def put_into_lost(self, path: Path) -> None:
        """Move any file there."""
        self._lost.mkdir(exist_ok=True)
        path.replace(self._lost / path.name)

    @property
    def lost_in(self) -> str:
        """The folder `lost/`."""
        return str(self._lost)

    def lost(self) -> Iterable[str]:
        """The names in `lost/`."""
        return [path.name for path in self._lost.iterdir()] if self._lost.is_dir() else []

    def bring_back(self, tx: Any, sha256: str) -> None:
        """Move a file back from `lost/`."""
        self.path(sha256).parent.mkdir(exist_ok=True)
        (self._lost / sha256).replace(self.path(sha256))

    def _place(self, staged: Staged) -> Path:
        target = self.path(staged.sha256)
        if not target.parent.is_dir():
            target.parent.mkdir(exist_ok=True)
            fsync_folder(self._root)
        os.replace(staged.path, target)
        return target.parent


def named(root: Path) -> Iterator[Path]:
    """The files of all originals that have their names."""
    return root.glob("[0-9a-f][0-9a-f]/*")
