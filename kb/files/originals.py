"""Uploaded bytes, named by their SHA-256: what keeps them must do, and how they are staged.

Bytes become an original only with the write transaction that adds the row which needs them, and
are removed only by one that has seen no such row. So the two can never cross.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

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


@dataclass(frozen=True, slots=True)
class Sent:
    """Staged files that can be adopted: they were sent at some time by the database's clock."""

    files: tuple[Staged, ...]
    at: float = 0.0


class Staging:
    """Bytes that no row needs yet, in a folder of the process that received them."""

    def __init__(self, root: Path, owner: str) -> None:
        """
        Args:
            owner: the id of this process among those that work on the folder.
        """
        self._staging = root / "staging" / owner
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

    def discard(self, staged: Staged) -> None:
        """Drop a staged file that is not wanted."""
        staged.path.unlink(missing_ok=True)

    def temporary(self, name: str) -> Path:
        """A path for a file that nobody needs when this process has ended."""
        return self._staging / name

    def sweep_staging(self, living: Collection[str]) -> None:
        """Delete what dead processes left half-written; nothing there was acknowledged."""
        for path in self._staging.parent.iterdir():
            if path.is_file():  # of a version that had no owners
                path.unlink()
            elif path.name not in living:
                shutil.rmtree(path)


class Originals(Protocol):
    """Where originals are kept. Every method but those that stage may raise StorageFull, and
    StorageUnavailable where another machine keeps them; `tx` is a write transaction.
    """

    def stage(self, source: BinaryIO | Iterable[bytes], *, max_bytes: int) -> Staged:
        """As `Staging.stage`."""
        ...

    def discard(self, staged: Staged) -> None:
        """As `Staging.discard`."""
        ...

    def sweep_staging(self, living: Collection[str]) -> None:
        """As `Staging.sweep_staging`."""
        ...

    def send(self, staged: Iterable[Staged]) -> Sent:
        """Bring staged files to where they can be kept, before the transaction for which they are:
        what takes long holds up no other writer."""
        ...

    def adopt(self, tx: Any, sent: Sent) -> None:
        """Make originals of them, inside the transaction that adds the rows which need them."""
        ...

    def path(self, sha256: str) -> Path:
        """A file with the bytes of that hash, to be opened soon; none is there if they are lost."""
        ...

    def has(self, sha256: str) -> bool:
        """Whether the bytes of that hash are kept."""
        ...

    def digest(self, sha256: str) -> str:
        """The hash that the kept bytes really have. Raises OSError when they cannot be read."""
        ...

    def remove(self, tx: Any, sha256: str) -> None:
        """Delete an original; call inside a transaction that found no row with that hash."""
        ...

    def hashes(self) -> Iterator[str]:
        """The names of all originals, but for those whose rows may be on their way, or that go."""
        ...

    def set_aside(self, tx: Any, sha256: str) -> None:
        """Move an original that no row needs to `lost/`, for people to look at."""
        ...

    @property
    def lost_in(self) -> str:
        """Where people find what was set aside."""
        ...

    def lost(self) -> Iterable[str]:
        """The names of what was set aside, and of what else lies there."""
        ...

    def bring_back(self, tx: Any, sha256: str) -> None:
        """Make an original of what was set aside."""
        ...


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
