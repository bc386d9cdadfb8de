"""Bytes of one archive member: bounded by the size that was inspected, checked by their CRC."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ingest.intake.archive_directory import damaged

STORED = 0
DEFLATED = 8

_CHUNK_BYTES = 64 * 1024


NESTED_SUFFIXES = (".zip", ".7z", ".rar", ".gz", ".tgz", ".bz2", ".xz", ".tar", ".zst", ".jar")


@dataclass(frozen=True, slots=True)
class ArchiveMember:
    """A file or folder in an archive that has been inspected.

    `name` is a relative path with forward slashes; folders end in one. `start` is where its packed
    bytes begin in the archive. `is_nested`: its name says that it is an archive itself.
    """

    name: str
    size: int
    packed_size: int
    start: int
    method: int
    crc: int

    @property
    def is_folder(self) -> bool:
        """Whether the member is only a folder."""
        return self.name.endswith("/")

    @property
    def is_nested(self) -> bool:
        """Whether its name says that the member is an archive itself."""
        return self.name.lower().endswith(NESTED_SUFFIXES)


class MemberStream:
    """Reads a member from its beginning, with `read` or chunk by chunk by iterating."""

    def __init__(self, file: BinaryIO, member: ArchiveMember) -> None:
        self._file = file
        self._position = member.start
        self._packed_left = member.packed_size
        self._left = member.size
        self._expected_crc = member.crc
        self._crc = 0
        deflated = member.method == DEFLATED
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS) if deflated else None

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.read(_CHUNK_BYTES), b"")

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes, all that is left without one; empty at the end.

        Raises:
            UnreadableFile: reason `archive_damaged`: it is not what its directory says.
        """
        if size < 0:
            return b"".join(self)
        try:
            data = self._packed(size) if self._inflater is None else self._inflated(size)
        except zlib.error as exc:
            raise damaged("a file in it cannot be unpacked") from exc
        self._left -= len(data)
        self._crc = zlib.crc32(data, self._crc)
        ended = not data and size > 0
        if self._left < 0 or (ended and (self._left or self._crc != self._expected_crc)):
            raise damaged("a file in it has another size or checksum than its directory says")
        return data

    def _inflated(self, size: int) -> bytes:
        assert self._inflater is not None
        data = b""
        while size and not data and not self._inflater.eof:
            packed = self._inflater.unconsumed_tail or self._packed(_CHUNK_BYTES)
            data = self._inflater.decompress(packed, size)
            if not packed and not data:
                raise damaged("a file in it is cut off")
        return data

    def _packed(self, size: int) -> bytes:
        self._file.seek(self._position)
        data = self._file.read(min(size, self._packed_left))
        self._position += len(data)
        self._packed_left -= len(data)
        return data
