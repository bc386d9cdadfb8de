"""Zip archives, inspected before anything is unpacked; no other module reads zip bytes.

Python's own `zipfile` trusts the central directory: 3.11.7 opens archives whose entries overlap
(CVE-2024-0450), cuts names at NUL and inflates whatever is claimed. Here both directories are read
and must agree, no byte belongs to two members, and reading stops at the size that was inspected.
Rule: hand out members only through `inspect`, and their bytes only through `open_member`.
"""

from __future__ import annotations

import io
import stat
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from ingest.intake.archive_directory import (
    ENCRYPTED,
    LONGEST_ENTRY,
    UTF8,
    Entry,
    damaged,
    directory_entries,
    directory_extent,
    local_header_size,
    read_at,
)
from ingest.intake.archive_names import check_name, decoded_names
from ingest.intake.archive_streams import DEFLATED, STORED, ArchiveMember, MemberStream
from kb.errors import UnreadableFile

__all__ = [
    "DOCUMENT_LIMITS",
    "UPLOAD_LIMITS",
    "ArchiveLimits",
    "ArchiveMember",
    "MemberStream",
    "inspect",
    "open_member",
    "read_member",
]

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
    """All members of a zip archive, in its order, after every check; nothing is unpacked.

    Raises:
        UnreadableFile: reasons `archive_damaged`, `archive_encrypted`, `archive_too_large`,
            `archive_overlap`, `archive_mismatch`, `archive_unsafe_name`, `archive_link`,
            `archive_duplicate`, `archive_method`.
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


def open_member(file: BinaryIO, member: ArchiveMember) -> MemberStream:
    """The bytes of a member, as a stream that is checked against the inspected size and CRC.

    One stream at a time may be read: all share the position of `file`.
    """
    return MemberStream(file, member)


def read_member(file: BinaryIO, member: ArchiveMember) -> bytes:
    """All bytes of a member.

    Raises:
        UnreadableFile: reason `archive_damaged`.
    """
    return open_member(file, member).read()


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
    if entry.flags & ENCRYPTED:
        raise UnreadableFile(
            "The archive is protected with a password. Pack it again without one.",
            reason="archive_encrypted",
        )
    if stat.S_ISLNK(entry.mode):
        raise UnreadableFile(
            f"The archive holds a link ({name[:80]!r}). Pack it again with the files themselves.",
            reason="archive_link",
        )
    if entry.method not in (STORED, DEFLATED):
        raise UnreadableFile(
            f"The archive is packed by method {entry.method}; only stored and deflated files are "
            "read. Pack it again as an ordinary zip.",
            reason="archive_method",
        )
    start = entry.offset + local_header_size(file, entry)
    return ArchiveMember(name, entry.size, entry.packed_size, start, entry.method, entry.crc)


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
                "Files in the archive overlap, as in a zip bomb.", reason="archive_overlap"
            )
        behind = end


def _too_large(what: str) -> UnreadableFile:
    return UnreadableFile(
        f"The archive holds {what}. Split it into smaller ones.", reason="archive_too_large"
    )
