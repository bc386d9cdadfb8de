"""The folders of one kind of index: opened when used, closed in turn, made anew, removed.

The libraries answer torn files, full disks and wrong dimensions with the same few types and, when
the disk is full, with words that do not say so; and a Rust panic arrives as a `BaseException`
that would end the calling thread. All of it becomes IndexDamaged or StorageFull here.

Index libraries keep deleted entries in their files for an unknown time. So an index is made anew
in a folder beside the present one, which answers until the new one takes its place.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

from kb.errors import IndexDamaged, StorageFull
from kb.index.health import IndexHealth
from kb.index.open_indexes import Absent, Handle, OpenIndexes
from kb.protocols import IndexKey, IndexKind, IndexName

# With less room than this a failed write is put down to the disk: a rebuild, the answer to damage,
# would remove the index and then fail for want of room. Merging one segment needs about as much.
LEAST_FREE_BYTES = 32 * 1024 * 1024
# The modules of what Rust throws: PyO3's panics (not to be imported) and Chroma's errors,
# which Chroma imports when it needs them: they bring all of its Python package.
_RUST_MODULES = ("pyo3_runtime", "chromadb.errors")
_DISK_FULL = ("no space left", "disk is full", "quota exceeded")


@dataclass(frozen=True, slots=True)
class IndexLibrary(Generic[Handle]):
    """How a library keeps an index in a folder.

    Attributes:
        kind: what the index is called in errors; its folder has the name in the plural.
        errors: what the library throws when it finds damage.
        open: opens the index in a folder, or makes one in an empty folder.
        changes_when_read: whether its files are others after an index was only read.
    """

    kind: IndexKind
    errors: tuple[type[Exception], ...]
    open: Callable[[Path], Handle]
    close: Callable[[Handle], None]
    changes_when_read: bool = False


@dataclass(slots=True)
class _OpenIndex(Generic[Handle]):
    """An open index, its folder's inode, and its seal when it was opened."""

    handle: Handle
    inode: int
    seal: str | None
    is_changed: bool


class IndexFolders(Generic[Handle]):
    """The indexes of one kind, each in `root/<dataset>/g<generation>/<kind>s`. Thread-safe."""

    def __init__(
        self,
        root: Path,
        library: IndexLibrary[Handle],
        *,
        open_limit: int,
        health: IndexHealth | None = None,
    ) -> None:
        """Keep at most `open_limit` of them open; damage is reported to the health."""
        root.mkdir(parents=True, exist_ok=True)
        self._root = root
        self._library = library
        self._health = health or IndexHealth()
        self._open = OpenIndexes[_OpenIndex[Handle]](self._closed, limit=open_limit)

    @contextmanager
    def lent(
        self, key: IndexKey, *, change: bool = False, create: bool = False
    ) -> Iterator[Handle]:
        """An open index, which the caller will `change`. Raises Absent if there is none and none
        is to be made."""
        if not self._health.may_open(self._name(key)):
            raise self._damage(key)
        open_index = self._made if create else self._opened
        with self._reporting(key), self._open.lease(key, open_index) as opened:
            opened.is_changed |= change or create
            yield opened.handle

    @contextmanager
    def rebuilt(self, key: IndexKey) -> Iterator[Callable[[], Handle]]:
        """Fill the handle that the given function opens; it replaces the present index, sound or
        damaged, when the block ends well. If it is never called, there is no index afterwards.

        A process that dies between the two steps leaves an index whose seal does not fit.
        """
        path, new = self._path(key), _beside(self._path(key))
        made: list[Handle] = []

        def opened() -> Handle:
            if not made:
                new.mkdir(parents=True)
                made.append(self._library.open(new))
            return made[0]

        with self._reporting(key):
            remove_folder(new)  # of a process that died
            try:
                try:
                    yield opened
                finally:
                    for handle in made:
                        self._library.close(handle)
                seal = seal_of(new)
                with self._open.closed(key):
                    remove_folder(path)
                    if new.is_dir():
                        new.rename(path)
                    self._health.trust(self._name(key), seal)
            finally:
                remove_folder(new)

    def drop(self, key: IndexKey) -> None:
        """Close an index and remove it from disk, with what a process that died left beside it."""
        path = self._path(key)
        with self._open.closed(key):
            for folder in (path, _beside(path)):
                remove_folder(folder)
            with suppress(OSError):  # the other index of the generation may still live there
                path.parent.rmdir()
            self._health.trust(self._name(key), None)

    def close(self) -> None:
        """Close every open index."""
        self._open.close()

    def _name(self, key: IndexKey) -> IndexName:
        return IndexName(self._library.kind, key)

    def _path(self, key: IndexKey) -> Path:
        return index_path(self._root, self._name(key))

    def _damage(self, key: IndexKey) -> IndexDamaged:
        return IndexDamaged(self._library.kind, key.dataset_id, key.generation)

    def _opened(self, key: IndexKey) -> _OpenIndex[Handle]:
        path = self._path(key)
        seal = seal_of(path)
        if not self._health.fits(self._name(key), seal):
            raise self._damage(key)
        if seal is None:
            raise Absent
        return self._in(path, seal)

    def _made(self, key: IndexKey) -> _OpenIndex[Handle]:
        try:
            return self._opened(key)
        except Absent:
            path = self._path(key)
            path.mkdir(parents=True, exist_ok=True)
            return self._in(path, None)

    def _in(self, path: Path, seal: str | None) -> _OpenIndex[Handle]:
        is_changed = self._library.changes_when_read
        return _OpenIndex(self._library.open(path), path.stat().st_ino, seal, is_changed)

    def _closed(self, key: IndexKey, opened: _OpenIndex[Handle]) -> None:
        """Close an index. Only files that it wrote itself get a seal that fits."""
        path, seal = self._path(key), None
        with suppress(IndexDamaged, StorageFull), self._reporting(key):
            self._library.close(opened.handle)
            if path.stat().st_ino == opened.inode:
                seal = seal_of(path) if opened.is_changed else opened.seal
        self._health.closed(self._name(key), seal)

    @contextmanager
    def _reporting(self, key: IndexKey) -> Iterator[None]:
        try:
            with reporting_damage(self._library.kind, key, self._library.errors, root=self._root):
                yield
        except IndexDamaged:
            self._health.report_damage(self._name(key))
            raise


def index_path(root: Path, name: IndexName) -> Path:
    """Where an index lies in the folder of all indexes."""
    return root / name.key.dataset_id / f"g{name.key.generation}" / f"{name.kind}s"


def seal_of(path: Path) -> str | None:
    """The digest of all files in an index's folder, their names and bytes; None if it has none.

    SHA-256 reads 1.8 GB a second here: 0.1 s for 100,000 chunks, when an index is opened or closed.
    """
    whole = hashlib.sha256()
    files = sorted(each for each in path.rglob("*") if each.suffix != ".lock" and each.is_file())
    for each in files:
        with each.open("rb") as file:
            whole.update(f"{each.relative_to(path)}\0".encode())
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest() if files else None


def remove_folder(path: Path) -> None:
    """Remove whatever stands at a path."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def says_full(exc: BaseException) -> bool:
    """Whether an index library's words mean that the disk is full."""
    return any(sign in str(exc).lower() for sign in _DISK_FULL)


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
        if type(exc).__module__ not in _RUST_MODULES:
            raise
        raise _translated(kind, key, exc, root) from exc


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.new")


def _translated(
    kind: str, key: IndexKey, exc: BaseException, root: Path
) -> IndexDamaged | StorageFull:
    if says_full(exc) or shutil.disk_usage(root).free < LEAST_FREE_BYTES:
        return StorageFull(
            "The disk that holds the data folder is full. Make room; indexing then goes on."
        )
    return IndexDamaged(kind, key.dataset_id, key.generation)
