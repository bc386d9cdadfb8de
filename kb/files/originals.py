"""Uploaded bytes, named by their SHA-256: temporary file → fsync → rename → fsync folder.

A file gets its name only inside the write transaction that adds the row which needs it, and loses
it only inside one that has seen no such row. So the two can never cross.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from kb.errors import StorageFailed, StorageFull, TooLarge

PIECE_BYTES = 1 << 20
RESERVE_BYTES = 32 << 20
"""What uploads and indexing leave free, so that answers can be stored and documents deleted."""
HEAD_BYTES = 8192
"""Bytes from the start of a file that are kept at hand, to tell what it is."""


@dataclass(frozen=True, slots=True)
class Staged:
    """Bytes that are on disk under a temporary name."""

    path: Path
    sha256: str
    size_bytes: int
    head: bytes


class Originals:
    """The folder of originals: `root/ab/abcdef…`, and for what is not named yet
    `root/staging/OWNER`."""

    def __init__(self, root: Path, owner: str = "alone") -> None:
        """
        Args:
            owner: the id of this process among those that work on the folder.
        """
        self._root = root
        self._staging = root / "staging" / owner
        self._staging.mkdir(parents=True, exist_ok=True)
        self._holding = threading.Lock()
        self._holders = 0
        self._unwanted: set[str] = set()

    def stage(self, source: BinaryIO | Iterable[bytes], *, max_bytes: int) -> Staged:
        """Write a stream to disk and fsync it.

        Raises:
            TooLarge: more than `max_bytes`; nothing is left behind.
            StorageFull: no space; nothing is left behind.
        """
        handle, name = tempfile.mkstemp(dir=self._staging)
        path = Path(name)
        try:
            with full_disk_reported(), os.fdopen(handle, "wb") as target:
                return _copy(source, target, path, max_bytes)
        except BaseException:
            path.unlink(missing_ok=True)
            raise

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

    def adopt(self, staged: Iterable[Staged]) -> None:
        """Give staged files their lasting names, inside the transaction that refers to them."""
        with full_disk_reported():
            folders = {self._place(item) for item in staged}
            for folder in folders:
                fsync_folder(folder)

    def path(self, sha256: str) -> Path:
        """Where the bytes with that hash lie."""
        return self._root / sha256[:2] / sha256

    def discard(self, staged: Staged) -> None:
        """Drop a staged file that is not wanted."""
        staged.path.unlink(missing_ok=True)

    def remove(self, sha256: str) -> None:
        """Delete an original; call inside a write transaction that found no row with that hash.

        While somebody holds the originals, it stays, and `release` names it.
        """
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

    def temporary(self, name: str) -> Path:
        """A path for a file that nobody needs when this process has ended."""
        return self._staging / name

    def hashes(self) -> Iterator[str]:
        """The names of all originals on disk, but for those that go when they are released."""
        return (path.name for path in named(self._root) if path.name not in self._unwanted)

    def sweep_staging(self, living: Collection[str]) -> None:
        """Delete what dead processes left half-written; nothing there was acknowledged."""
        for path in self._staging.parent.iterdir():
            if path.is_file():  # of a version that had no owners
                path.unlink()
            elif path.name not in living:
                shutil.rmtree(path)

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


def _copy(
    source: BinaryIO | Iterable[bytes], target: BinaryIO, path: Path, max_bytes: int
) -> Staged:
    digest = hashlib.sha256()
    size, head = 0, b""
    for piece in _pieces(source):
        check_room(path.parent)
        size += len(piece)
        if size > max_bytes:
            raise TooLarge(
                f"The file is larger than {max_bytes} bytes. Split it, or raise the limit."
            )
        if len(head) < HEAD_BYTES:
            head += piece[: HEAD_BYTES - len(head)]
        digest.update(piece)
        target.write(piece)
    target.flush()
    os.fsync(target.fileno())
    return Staged(path, digest.hexdigest(), size, head)


def _pieces(source: BinaryIO | Iterable[bytes]) -> Iterator[bytes]:
    if hasattr(source, "read"):
        while piece := source.read(PIECE_BYTES):
            yield piece
    else:
        yield from source


@contextmanager
def full_disk_reported() -> Iterator[None]:
    """Turn "no space left", and errors of the disk itself, into one that says what to do."""
    try:
        yield
    except OSError as exc:
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(
                "The disk that holds the data folder is full. Free some space and upload again."
            ) from exc
        if exc.errno in (errno.EIO, errno.EROFS, errno.EFBIG):
            raise StorageFailed from exc
        raise


def has_room(folder: Path) -> bool:
    """Whether more than the reserve is free."""
    return shutil.disk_usage(folder).free >= RESERVE_BYTES


def check_room(folder: Path) -> None:
    """Raises StorageFull when there is only room left for what is small and must go on."""
    if not has_room(folder):
        raise StorageFull(
            "The disk that holds the data folder is full but for a reserve. Free some space and "
            "try again."
        )


def fsync_folder(folder: Path) -> None:
    """Put the names in a folder on disk: without it a new file may be gone after a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
