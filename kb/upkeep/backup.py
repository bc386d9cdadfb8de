"""Backups: one tar with the database as of one moment, every original it needs, what was trained,
and the keys.

The server goes on meanwhile. The indexes are left out, because they are made from the database: a
restored folder counts as uncleanly stopped, so its first start makes them again. Whoever holds the
tar holds everything, secrets included.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO

from kb.files.folder import DataFolder
from kb.files.folder_originals import FolderOriginals
from kb.ids import now
from kb.store.engine.database import Database
from kb.store.upkeep.snapshot import file_sha256, originals_of, snapshot

FORMAT = 2
"""1 had no `tuning`."""
MANIFEST = "manifest.json"
DATABASE = "kb.db"
KEYS = ("secret.key", "admin.key")
TUNING_ROWS = {(f"{name}.jsonl",) for name in ("own", "train", "valid", "old_valid")}
PIECE_BYTES = 1 << 20
BLOCK_BYTES = 512


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds; it comes first, so that one that was cut off is noticed.

    `missing` are originals that were lost before the backup was made. `tuning` has the rows and
    models of training jobs, by name below the folder's root, with the SHA-256 of each.
    """

    format: int
    created_at: str
    database_sha256: str
    originals: int
    missing: tuple[str, ...]
    tuning: Mapping[str, str] = field(default_factory=dict)


class Backup:
    """One backup in progress. Close it: until then no original is deleted from the folder."""

    def __init__(
        self,
        database: Database,
        folder: DataFolder,
        originals: FolderOriginals,
        collect: Callable[[Iterable[str]], None],
    ) -> None:
        """Copy the database; from now on every original that the copy needs is kept.

        Args:
            collect: deletes those of some originals that no document needs any more.

        Raises:
            StorageFull: there is no room for the copy.
        """
        self._originals = originals
        with ExitStack() as stack:
            originals.hold()
            stack.callback(lambda: collect(originals.release()))
            copy = originals.temporary(f"{secrets.token_hex(8)}.db")
            stack.callback(copy.unlink, missing_ok=True)
            snapshot(database, copy)
            needed = originals_of(copy)
            self._held = [name for name in needed if originals.has(name)]
            missing = tuple(sorted(set(needed) - set(self._held)))
            links = originals.temporary(f"{secrets.token_hex(8)}.tuning")
            stack.callback(shutil.rmtree, links, ignore_errors=True)
            self._tuning = _linked(folder, links)
            tuning = {name: file_sha256(path) for name, path in self._tuning.items()}
            counts = (len(self._held), missing, tuning)
            self.manifest = Manifest(FORMAT, now(), file_sha256(copy), *counts)
            keys = [(name, folder.root / name) for name in KEYS]
            self._files = [(DATABASE, copy), *(pair for pair in keys if pair[1].is_file())]
            self._last = stack.pop_all()

    def pieces(self) -> Iterator[bytes]:
        """The bytes of the tar, a MiB at a time."""
        manifest = json.dumps(asdict(self.manifest), indent=2).encode()
        yield _header(MANIFEST, len(manifest)) + manifest + _padding(len(manifest))
        for name, path in self._files:
            yield from _member(name, path)
        for sha256 in self._held:
            yield from _member(f"originals/{sha256[:2]}/{sha256}", self._originals.path(sha256))
        for name, path in self._tuning.items():
            yield from _member(name, path)
        yield bytes(2 * BLOCK_BYTES)

    def close(self) -> None:
        """Remove the copy, and the originals whose last document was deleted meanwhile."""
        self._last.close()


def _linked(folder: DataFolder, links: Path) -> dict[str, Path]:
    """Name → a second name of each file of training jobs that changes no more: whoever deletes a
    job meanwhile takes the first one only. Checkpoints, logs and base models are left out."""
    found: dict[str, Path] = {}
    for path in sorted(folder.tuning.glob("ftjob_*/**/*")):
        place = path.relative_to(folder.tuning)
        is_lasting = place.parts[1] in ("model", "files") or place.parts[1:] in TUNING_ROWS
        if is_lasting and path.is_file() and not path.is_symlink():
            link = links / place
            link.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                os.link(path, link)
                found[f"tuning/{place.as_posix()}"] = link
    return found


def _member(name: str, path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        yield _header(name, size)
        yield from _pieces(file)
    yield _padding(size)


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(PIECE_BYTES):
        yield piece


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info.tobuf(tarfile.PAX_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % BLOCK_BYTES)
