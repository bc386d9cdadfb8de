"""Taking in files while their bytes arrive: one open file at a time, never a whole one in memory.

A slow client holds no thread: pieces gather in a spooled file, and only a whole file is staged,
which is where it is hashed and put on disk for good.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import SpooledTemporaryFile

from api.threads import in_thread
from ingest.intake.upload import Rejection, UploadedFile, shown_name
from kb.errors import Rejected, TooLarge
from kb.files.originals import check_room, full_disk_reported
from kb.knowledge_base import KnowledgeBase

MEMORY_BYTES = 1 << 20
ZIP = b"PK\x03\x04"


class FileReceiver:
    """Stages files one after another: `begin(name)`, `write(piece)`…, `end()`."""

    def __init__(self, kb: KnowledgeBase) -> None:
        self.staged: list[UploadedFile] = []
        self.rejected: list[Rejection] = []
        self._originals = kb.originals
        self._folder = kb.settings.data_dir
        self._limits = kb.settings.ingest
        self._name = ""
        self._size = 0
        self._start = b""
        self._spool: SpooledTemporaryFile[bytes] | None = None

    @property
    def count(self) -> int:
        """Files so far, taken or not."""
        return len(self.staged) + len(self.rejected)

    def begin(self, name: str) -> None:
        """A file starts. Raises TooLarge when there are too many."""
        if self.count >= self._limits.max_files:
            raise TooLarge(
                f"The request holds more than {self._limits.max_files} files. Send several."
            )
        self._name, self._size, self._start = name, 0, b""
        folder = str(self._folder)
        self._spool = SpooledTemporaryFile(max_size=MEMORY_BYTES, dir=folder)  # noqa: SIM115

    async def write(self, piece: bytes) -> None:
        """The next bytes of the file. Raises StorageFull."""
        self._size += len(piece)
        if len(self._start) < len(ZIP):
            self._start += piece[: len(ZIP) - len(self._start)]
        if self._spool is None or self._size > self._limit():
            self._close()
        elif self._size <= MEMORY_BYTES:
            self._spool.write(piece)
        else:
            await in_thread(_append, self._spool, piece, self._folder)

    async def end(self) -> None:
        """The file is whole: stage it, or note why it is not taken. Raises StorageFull."""
        if self._spool is None:
            self.rejected.append(
                Rejection(shown_name(self._name), TooLarge.code, self._too_large())
            )
            return
        self._spool.seek(0)
        staged = await in_thread(self._originals.stage, self._spool, max_bytes=self._limit())
        self.staged.append(UploadedFile(self._name, staged))
        self._close()

    def discard(self) -> None:
        """Forget everything that was taken in; harmless for what has been accepted."""
        self._close()
        for item in self.staged:
            self._originals.discard(item.staged)

    def _close(self) -> None:
        if self._spool is not None:
            with suppress(OSError):  # what could not be written is not wanted any more
                self._spool.close()
            self._spool = None

    def _limit(self) -> int:
        """What could be an archive may be larger; the upload looks at it again when it is whole."""
        limits = self._limits
        archive = max(limits.max_archive_bytes, limits.max_file_bytes)
        return archive if self._start == ZIP else limits.max_file_bytes

    def _too_large(self) -> str:
        return f"The file is larger than {self._limit()} bytes. Split it."


@asynccontextmanager
async def receiving_files(kb: KnowledgeBase) -> AsyncIterator[FileReceiver]:
    """An receiver that leaves nothing behind, whether its files are accepted or not."""
    receiver = FileReceiver(kb)
    try:
        yield receiver
    finally:
        receiver.discard()


async def receive_body(receiver: FileReceiver, name: str, body: AsyncIterator[bytes]) -> None:
    """One file that is the whole request body. Raises TooLarge."""
    receiver.begin(name)
    async for piece in body:
        await receiver.write(piece)
    await receiver.end()
    if receiver.rejected:
        raise TooLarge(receiver.rejected[0].detail)


def only_file(receiver: FileReceiver) -> UploadedFile:
    """The one file of a request. Raises Rejected or TooLarge."""
    if receiver.rejected:
        raise TooLarge(receiver.rejected[0].detail)
    if len(receiver.staged) != 1:
        raise Rejected("Send exactly one file, in a part that has a filename.")
    return receiver.staged[0]


def refuse_empty(receiver: FileReceiver) -> None:
    """Raises Rejected unless there was at least one file."""
    if not receiver.count:
        raise Rejected(
            "The request holds no file. Send multipart/form-data with at least one part that has "
            "a filename."
        )


def _append(spool: SpooledTemporaryFile[bytes], piece: bytes, folder: Path) -> None:
    check_room(folder)
    with full_disk_reported():
        spool.write(piece)
        spool.flush()  # or a full disk is noticed later, where nobody expects it
