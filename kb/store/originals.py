"""Uploaded bytes, named by their SHA-256: temporary file → fsync → rename → fsync folder.

A file gets its name only inside the write transaction that adds the row which needs it, and loses
it only inside one that has seen no such row. So the two can never cross.
"""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from kb.errors import StorageFull, TooLarge

PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Staged:
    """Bytes that are on disk under a temporary name."""

    path: Path
    sha256: str
    size_bytes: int
    head: bytes


class Originals:
    """The folder of originals: `root/ab/abcdef…`, and `root/staging` for what is not named yet."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._staging = root / "staging"
        self._staging.mkdir(parents=True, exist_ok=True)

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

    def adopt(self, staged: Iterable[Staged]) -> None:
        """Give staged files their lasting names, inside the transaction that refers to them."""
        with full_disk_reported():
            folders = {self._place(item) for item in staged}
            for folder in folders:
                _fsync_folder(folder)

    def path(self, sha256: str) -> Path:
        """Where the bytes with that hash lie."""
        return self._root / sha256[:2] / sha256

    def discard(self, staged: Staged) -> None:
        """Drop a staged file that is not wanted."""
        staged.path.unlink(missing_ok=True)

    def remove(self, sha256: str) -> None:
        """Delete an original; call inside a write transaction that found no row with that hash."""
        self.path(sha256).unlink(missing_ok=True)

    def hashes(self) -> Iterator[str]:
        """The names of all originals on disk."""
        for path in self._root.glob("[0-9a-f][0-9a-f]/*"):
            yield path.name

    def sweep_staging(self) -> int:
        """Delete what a crash left half-written; nothing there was acknowledged."""
        leftovers = list(self._staging.iterdir())
        for path in leftovers:
            path.unlink()
        return len(leftovers)

    def _place(self, staged: Staged) -> Path:
        target = self.path(staged.sha256)
        if not target.parent.is_dir():
            target.parent.mkdir(exist_ok=True)
            _fsync_folder(self._root)
        os.replace(staged.path, target)
        return target.parent


def _copy(
    source: BinaryIO | Iterable[bytes], target: BinaryIO, path: Path, max_bytes: int
) -> Staged:
    digest = hashlib.sha256()
    size, head = 0, b""
    for piece in _pieces(source):
        size += len(piece)
        if size > max_bytes:
            raise TooLarge(
                f"The file is larger than {max_bytes} bytes. Split it, or raise the limit."
            )
        if len(head) < 8192:
            head += piece[: 8192 - len(head)]
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
    """Turn "no space left" into an error that says what to do."""
    try:
        yield
    except OSError as exc:
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(
                "The disk that holds the data folder is full. Free some space and upload again."
            ) from exc
        raise


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
