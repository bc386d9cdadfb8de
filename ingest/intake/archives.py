"""Zip archives, inspected before anything is unpacked; no other module reads zip bytes.

Python's own `zipfile` trusts the central directory: 3.11.7 opens archives whose entries overlap
(CVE-2024-0450), cuts names at NUL and inflates whatever is claimed. Here both directories are read
and must agree, no byte belongs to two members, and reading stops at the size that was inspected and
checks its CRC. Rule: hand out members only through `survey`, their bytes only as `MemberStream`.
"""

from __future__ import annotations

import io
import stat
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from ingest.intake.archive_directory import (
    ENCRYPTED,
    LONGEST_ENTRY,
    UTF8,
    Entry,
    check_name,
    damaged,
    decoded_names,
    directory_entries,
    directory_extent,
    local_header_size,
    read_at,
)
from kb.errors import UnreadableFile

STORED = 0
DEFLATED = 8

_CHUNK_BYTES = 64 * 1024


NESTED_SUFFIXES = (".zip", ".7z", ".rar", ".gz", ".tgz", ".bz2", ".xz", ".tar", ".zst", ".jar")


@dataclass(frozen=True, slots=True)
class ArchiveMember:
    """A file or folder in an archive that has been inspected.

    `name` is a relative path with forward slashes; folders end in one. `start` is where its packed
    bytes begin in the archive. `is_nested`: its name says that it is an archive itself. With a
    `refusal` it must not be read, and other members may.
    """

    name: str
    size: int
    packed_size: int
    start: int
    method: int
    crc: int
    refusal: UnreadableFile | None = None

    @property
    def is_folder(self) -> bool:
        """Whether the member is only a folder."""
        return self.name.endswith("/")

    @property
    def is_nested(self) -> bool:
        """Whether its name says that the member is an archive itself."""
        return self.name.lower().endswith(NESTED_SUFFIXES)


class MemberStream:
    """Reads a member from its beginning, with `read` or chunk by chunk by iterating.

    One stream at a time may be read: all share the position of the file.
    """

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


MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """What an archive may hold at most.

    `ratio` (unpacked to packed size) counts only above `free_bytes`: small files cannot hurt, and
    white space packs well.
    """

    entries: int
    member_bytes: int
    unpacked_bytes: int
    ratio: int = 200
    free_bytes: int = 64 * MIB


DOCUMENT_LIMITS = ArchiveLimits(entries=20_000, member_bytes=512 * MIB, unpacked_bytes=1024 * MIB)
"""For office files and books. The largest real ones have some thousand parts (a picture each); a
sheet of 1,048,576 rows is about 500 MiB of XML. XML packs up to 100:1, zip bombs start at 1,000:1.
"""

UPLOAD_LIMITS = ArchiveLimits(entries=20_000, member_bytes=512 * MIB, unpacked_bytes=4096 * MIB)
"""For archives of documents: a member is held to the size that a single file may have."""


def inspect(file: BinaryIO, limits: ArchiveLimits) -> list[ArchiveMember]:
    """All members of a zip archive that holds nothing to be refused.

    Raises:
        UnreadableFile: as `survey`, and reasons `archive_encrypted`, `archive_link`,
            `archive_method`.
    """
    members = survey(file, limits)
    for member in members:
        if member.refusal is not None:
            raise member.refusal
    return members


def survey(file: BinaryIO, limits: ArchiveLimits) -> list[ArchiveMember]:
    """All members of a zip archive, in its order, after every check; nothing is unpacked.

    Raises:
        UnreadableFile: reasons `archive_damaged`, `archive_too_large`, `archive_overlap`,
            `archive_mismatch`, `archive_unsafe_name`, `archive_duplicate`.
    """
    size = file.seek(0, io.SEEK_END)
    try:
        count, directory_start, directory_size = directory_extent(file, size)
        if count > limits.entries or directory_size > limits.entries * LONGEST_ENTRY:
            raise _too_large(f"more than {limits.entries:,} entries")
        entries = directory_entries(read_at(file, directory_start, directory_size), count)
        _check_sizes(entries, limits)
        names = decoded_names([(e.raw_name, bool(e.flags & UTF8), e.extra) for e in entries])
        members = [_member(file, entry, name) for entry, name in zip(entries, names, strict=True)]
    except (struct.error, OverflowError) as exc:
        raise damaged("its directory is cut off") from exc
    _check_names(members)
    _check_overlap(entries, members, directory_start)
    return members


def _check_sizes(entries: Sequence[Entry], limits: ArchiveLimits) -> None:
    total = sum(entry.size for entry in entries)
    packed = sum(entry.packed_size for entry in entries)
    if any(entry.size > limits.member_bytes for entry in entries):
        raise _too_large(f"a file of more than {limits.member_bytes // MIB:,} MiB")
    if total > limits.unpacked_bytes:
        raise _too_large(f"more than {limits.unpacked_bytes // MIB:,} MiB unpacked")
    if total > limits.free_bytes and total > packed * limits.ratio:
        raise _too_large(f"more than {limits.ratio} times its packed size")


def _member(file: BinaryIO, entry: Entry, name: str) -> ArchiveMember:
    start = entry.offset + local_header_size(file, entry)
    return ArchiveMember(
        name, entry.size, entry.packed_size, start, entry.method, entry.crc, _refusal(entry, name)
    )


def _refusal(entry: Entry, name: str) -> UnreadableFile | None:
    if entry.flags & ENCRYPTED:
        return UnreadableFile(
            "The archive is protected with a password. Pack it again without one.",
            reason="archive_encrypted",
        )
    if stat.S_ISLNK(entry.mode):
        return UnreadableFile(
            f"The archive holds a link ({name[:80]!r}). Pack it again with the files themselves.",
            reason="archive_link",
        )
    if entry.method not in (STORED, DEFLATED):
        return UnreadableFile(
            f"The archive is packed by method {entry.method}; only stored and deflated files are "
            "read. Pack it again as an ordinary zip.",
            reason="archive_method",
        )
    return None


def _check_names(members: Sequence[ArchiveMember]) -> None:
    seen = set()
    for member in members:
        check_name(member.name)
        if member.name in seen:
            raise UnreadableFile(
                f"The archive holds {member.name[:80]!r} twice. Pack it again.",
                reason="archive_duplicate",
            )
        seen.add(member.name)


def _check_overlap(
    entries: Sequence[Entry], members: Sequence[ArchiveMember], directory_start: int
) -> None:
    extents = sorted(
        (entry.offset, member.start + member.packed_size)
        for entry, member in zip(entries, members, strict=True)
    )
    behind = 0
    for start, end in [*extents, (directory_start, directory_start)]:
        if start < behind:
            raise UnreadableFile(
                "Files in the archive overlap, as in a zip bomb. Pack it again.",
                reason="archive_overlap",
            )
        behind = end


def _too_large(what: str) -> UnreadableFile:
    return UnreadableFile(
        f"The archive holds {what}. Split it into smaller ones.", reason="archive_too_large"
    )
