"""The folders of one kind of index: opened when used, closed in turn, made anew, removed.

The libraries answer torn files, full disks and wrong dimensions with the same few types and, when
the disk is full, with words that do not say so; and a Rust panic arrives as a `BaseException`
that would end the calling thread. All of it becomes IndexDamaged or StorageFull here.

Index libraries keep deleted entries in their files for an unknown time. So an index is made anew
in a folder beside the present one, which answers until the new one takes its place.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

from kb.errors import IndexDamaged, StorageFull
from kb.index.open_indexes import Absent, Handle, OpenIndexes
from kb.protocols import IndexKey

# With less room than this a failed write is put down to the disk: a rebuild, the answer to damage,
# would remove the index and then fail for want of room. Merging one segment needs about as much.
LEAST_FREE_BYTES = 32 * 1024 * 1024
# The module that PyO3 names for panics; the type itself cannot be imported.
_PANIC_MODULE = "pyo3_runtime"
_DISK_FULL = ("no space left", "disk is full", "quota exceeded")


@dataclass(frozen=True, slots=True)
class IndexLibrary(Generic[Handle]):
    """How a library keeps an index in a folder.

    Attributes:
        kind: what the index is called in errors; its folder has the name in the plural.
        errors: what the library throws when it finds damage.
        open: opens the index in a folder, or makes one in an empty folder.
        is_torn: whether opening a folder would do harm, or make an empty index.
    """

    kind: str
    errors: tuple[type[Exception], ...]
    open: Callable[[Path], Handle]
    close: Callable[[Handle], None]
    is_torn: Callable[[Path], bool]


class IndexFolders(Generic[Handle]):
    """The indexes of one kind, each in `root/<dataset>/g<generation>/<kind>s`. Thread-safe."""

    def __init__(self, root: Path, library: IndexLibrary[Handle], *, open_limit: int) -> None:
        """Keep at most `open_limit` of them open."""
        root.mkdir(parents=True, exist_ok=True)
        self.root = root
        self._library = library
        self._open = OpenIndexes[Handle](library.close, limit=open_limit)

    @contextmanager
    def lent(self, key: IndexKey, *, create: bool = False) -> Iterator[Handle]:
        """An open index. Raises Absent if there is none and none is to be made."""
        with (
            reporting_damage(self._library.kind, key, self._library.errors, root=self.root),
            self._open.lease(key, self._made if create else self._opened) as handle,
        ):
            yield handle

    @contextmanager
    def rebuilt(self, key: IndexKey) -> Iterator[Callable[[], Handle]]:
        """Fill the handle that the given function opens; it replaces the present index when the
        block ends well. If it is never called, there is no index afterwards."""
        made: list[Handle] = []

        def opened() -> Handle:
            if not made:
                new.mkdir(parents=True)
                made.append(self._library.open(new))
            return made[0]

        with (
            reporting_damage(self._library.kind, key, self._library.errors, root=self.root),
            replacement(self._path(key), lambda: self._open.closed(key)) as new,
        ):
            try:
                yield opened
            finally:
                for handle in made:
                    self._library.close(handle)

    def drop(self, key: IndexKey) -> None:
        """Close an index and remove it from disk, with what a process that died left beside it."""
        path = self._path(key)
        with self._open.closed(key):
            for folder in (path, _beside(path)):
                with suppress(FileNotFoundError):
                    shutil.rmtree(folder)
            with suppress(OSError):  # the other index of the generation may still live there
                path.parent.rmdir()

    def close(self) -> None:
        """Close every open index."""
        self._open.close()

    def _path(self, key: IndexKey) -> Path:
        return self.root / key.dataset_id / f"g{key.generation}" / f"{self._library.kind}s"

    def _opened(self, key: IndexKey) -> Handle:
        path = self._path(key)
        if not path.is_dir() or not any(path.iterdir()):
            raise Absent
        if self._library.is_torn(path):
            raise IndexDamaged(self._library.kind, key.dataset_id, key.generation)
        return self._library.open(path)

    def _made(self, key: IndexKey) -> Handle:
        try:
            return self._opened(key)
        except Absent:
            path = self._path(key)
            path.mkdir(parents=True, exist_ok=True)
            return self._library.open(path)


@contextmanager
def reporting_damage(
    kind: str, key: IndexKey, errors: tuple[type[Exception], ...], *, root: Path
) -> Iterator[None]:
    """Raise StorageFull or IndexDamaged for the given errors, I/O errors and panics inside."""
    expected: tuple[type[Exception], ...] = (*errors, OSError)
    try:
        yield
    except expected as exc:
        raise _translated(kind, key, exc, root) from exc
    except BaseException as exc:
        if type(exc).__module__ != _PANIC_MODULE:
            raise
        raise _translated(kind, key, exc, root) from exc


@contextmanager
def replacement(path: Path, closed: Callable[[], AbstractContextManager[None]]) -> Iterator[Path]:
    """A new folder to fill, which replaces the one at `path` when the block ends well.

    It need not be made: then there is none afterwards. A process that dies between the two steps
    leaves no index; after an unclean stop it is found missing and rebuilt.

    Args:
        path: the folder of the index.
        closed: closes the index, and keeps it closed inside the block.
    """
    new = _beside(path)
    shutil.rmtree(new, ignore_errors=True)  # of a process that died
    try:
        yield new
        with closed():
            with suppress(FileNotFoundError):
                shutil.rmtree(path)
            if new.is_dir():
                new.rename(path)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.new")


def _translated(
    kind: str, key: IndexKey, exc: BaseException, root: Path
) -> IndexDamaged | StorageFull:
    says_full = any(sign in str(exc).lower() for sign in _DISK_FULL)
    if says_full or shutil.disk_usage(root).free < LEAST_FREE_BYTES:
        return StorageFull(
            "The disk that holds the data folder is full. Make room; indexing then goes on."
        )
    return IndexDamaged(kind, key.dataset_id, key.generation)
