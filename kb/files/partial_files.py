"""The bytes of uploads that arrive in pieces. What is kept of them says the offset: there is no
second truth.

Bytes are kept when `append` returns, so what was acknowledged survives a power cut.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from kb.files.folder_originals import FolderOriginals
from kb.files.originals import Staged, check_room, full_disk_reported


class PartialFiles(Protocol):
    """Where unfinished files are kept. Everything may raise StorageFull."""

    def create(self, upload_id: str) -> None:
        """Start an empty file."""
        ...

    def size(self, upload_id: str) -> int:
        """The bytes that are there; 0 when there is no file."""
        ...

    def append(self, upload_id: str, data: bytes, *, at: int) -> None:
        """Add bytes at the end, which is at an offset. When it fails some of them may be there.

        Raises:
            Conflict: other bytes have come there meanwhile.
        """
        ...

    def join(self, upload_id: str, parts: Sequence[str]) -> None:
        """Fill a new file with the bytes of other uploads, in their order.

        Raises:
            FileNotFoundError: a part has no file. Either way some bytes may have been added.
        """
        ...

    def cut(self, upload_id: str, size: int) -> None:
        """Forget the bytes behind `size`."""
        ...

    def stage(self, upload_id: str) -> Staged:
        """Stage a whole file; it stays, too."""
        ...

    def remove(self, upload_id: str) -> None:
        """Delete the bytes of an upload."""
        ...

    def ids(self) -> Iterator[str]:
        """The uploads that have a file."""
        ...

    def set_aside(self, upload_id: str) -> None:
        """Take away bytes that no upload owns. Raises FileNotFoundError."""
        ...


class FolderPartialFiles:
    """One file for each upload, whose size is the offset."""

    def __init__(self, root: Path, originals: FolderOriginals) -> None:
        self._root = root
        self._originals = originals
        root.mkdir(parents=True, exist_ok=True)

    def create(self, upload_id: str) -> None:
        """Start an empty file. Raises StorageFull."""
        with full_disk_reported():
            self.path(upload_id).touch(exist_ok=False)
            folder = os.open(self._root, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def path(self, upload_id: str) -> Path:
        """Where the bytes of an upload lie."""
        return self._root / upload_id

    def size(self, upload_id: str) -> int:
        """The bytes that are there; 0 when there is no file."""
        try:
            return self.path(upload_id).stat().st_size
        except FileNotFoundError:
            return 0

    def append(self, upload_id: str, data: bytes, *, at: int) -> None:
        """Add bytes at the end and fsync: one request at a time may write to a file."""
        check_room(self._root)
        with full_disk_reported(), self.path(upload_id).open("ab") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def join(self, upload_id: str, parts: Sequence[str]) -> None:
        """Add the bytes of other uploads, and fsync."""
        check_room(self._root)
        with full_disk_reported(), self.path(upload_id).open("ab") as target:
            for part in parts:  # open one at a time: a header has room for thousands
                with self.path(part).open("rb") as source:
                    shutil.copyfileobj(source, target)
            target.flush()
            os.fsync(target.fileno())

    def cut(self, upload_id: str, size: int) -> None:
        """Forget the bytes behind `size`."""
        os.truncate(self.path(upload_id), size)

    def stage(self, upload_id: str) -> Staged:
        """Give the file a second name."""
        return self._originals.stage_file(self.path(upload_id))

    def remove(self, upload_id: str) -> None:
        """Delete the bytes of an upload."""
        self.path(upload_id).unlink(missing_ok=True)

    def ids(self) -> Iterator[str]:
        """The uploads that have a file."""
        for path in self._root.iterdir():
            yield path.name

    def set_aside(self, upload_id: str) -> None:
        """Move the file to `lost/`."""
        self._originals.put_into_lost(self.path(upload_id))
