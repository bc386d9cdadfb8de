"""The bytes of uploads that arrive in pieces: one file each, whose size is the offset.

Bytes are on disk when `append` returns, so what was acknowledged survives a power cut.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from kb.files.originals import check_room, full_disk_reported


class PartialFiles:
    """The folder of unfinished files."""

    def __init__(self, root: Path) -> None:
        self._root = root
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

    def append(self, upload_id: str, data: bytes) -> None:
        """Add bytes at the end and fsync. Raises StorageFull; then some of them may be there."""
        check_room(self._root)
        with full_disk_reported(), self.path(upload_id).open("ab") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def join(self, upload_id: str, parts: Sequence[str]) -> None:
        """Add the bytes of other uploads at the end, in their order, and fsync.

        Raises:
            FileNotFoundError: a part has no file.
            StorageFull: the disk is full. Either way some bytes may have been added.
        """
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

    def remove(self, upload_id: str) -> None:
        """Delete the bytes of an upload."""
        self.path(upload_id).unlink(missing_ok=True)

    def ids(self) -> Iterator[str]:
        """The uploads that have a file."""
        for path in self._root.iterdir():
            yield path.name
