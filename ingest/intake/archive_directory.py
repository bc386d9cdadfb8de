"""The two directories of a zip archive, the central one at its end and the headers in front of each
file's bytes, and the names in them. Parsed byte by byte, because the two can contradict each other.

For names the format knows two encodings, CP437 and UTF-8. Chinese Windows writes GB18030 and
Japanese Windows CP932 under the first of them, and macOS writes UTF-8 there.
"""

from __future__ import annotations

import re
import struct
import unicodedata
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from ingest.sniff.plausibility import strictly
from kb.errors import UnreadableFile

_END = struct.Struct("<4s4H2LH")
_END_MAGIC = b"PK\x05\x06"
_END_64_LOCATOR = struct.Struct("<4sLQL")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s4B4HL2L5H2L")
_ENTRY_MAGIC = b"PK\x01\x02"
_LOCAL = struct.Struct("<4s5H3L2H")
_LOCAL_MAGIC = b"PK\x03\x04"
_LONGEST_END = _END.size + 0xFFFF
LONGEST_ENTRY = _ENTRY.size + 4096
"""Directory bytes that an entry takes at most: name, extra fields and comment are short in any
honest archive."""
ENCRYPTED, UTF8 = 0x1, 0x800
_UNIX = 3
_EXTRA_64 = 1
_FULL_16, _FULL_32 = 0xFFFF, 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Entry:
    """What the central directory says about a member; `mode` is its Unix mode, 0 if unknown."""

    raw_name: bytes
    extra: bytes
    flags: int
    method: int
    crc: int
    packed_size: int
    size: int
    offset: int
    mode: int


def directory_extent(file: BinaryIO, size: int) -> tuple[int, int, int]:
    """How many entries the central directory has, where it starts, and its size in bytes.

    Raises:
        UnreadableFile: reason `archive_damaged`.
    """
    tail_start = max(0, size - _LONGEST_END)
    tail = read_at(file, tail_start, size - tail_start)
    at = tail.rfind(_END_MAGIC)
    if at < 0 or len(tail) - at < _END.size:
        raise damaged("its directory is missing, as after a broken transfer")
    _, disk, first_disk, here, count, length, start, _ = _END.unpack_from(tail, at)
    end = tail_start + at
    if _FULL_16 in (here, count) or _FULL_32 in (length, start):
        disk, first_disk, here, count, length, start, end = _directory_64(file, end)
    if disk or first_disk or here != count:
        raise damaged("it is one part of several")
    if start + length > end:
        raise damaged("its directory is not where it should be")
    return count, start, length


def _directory_64(file: BinaryIO, end: int) -> tuple[int, int, int, int, int, int, int]:
    locator = read_at(file, end - _END_64_LOCATOR.size, _END_64_LOCATOR.size)
    magic, _, at, _ = _END_64_LOCATOR.unpack(locator)
    if magic != b"PK\x06\x07":
        raise damaged("its 64-bit directory is missing")
    fields = _END_64.unpack(read_at(file, at, _END_64.size))
    if fields[0] != b"PK\x06\x06":
        raise damaged("its 64-bit directory is missing")
    return (*fields[4:10], at)


def directory_entries(directory: bytes, count: int) -> list[Entry]:
    """The entries of the central directory, in its order."""
    entries = []
    position = 0
    for _ in range(count):
        fields = _ENTRY.unpack_from(directory, position)
        if fields[0] != _ENTRY_MAGIC:
            raise damaged("its directory is broken")
        system, flags, method, crc = fields[2], fields[5], fields[6], fields[9]
        name_size, extra_size, comment_size = fields[12:15]
        name_end = position + _ENTRY.size + name_size
        name = directory[position + _ENTRY.size : name_end]
        extra = directory[name_end : name_end + extra_size]
        packed_size, size, offset = _sizes_64(fields[10], fields[11], fields[18], extra)
        mode = fields[17] >> 16 if system == _UNIX else 0
        entries.append(Entry(name, extra, flags, method, crc, packed_size, size, offset, mode))
        position = name_end + extra_size + comment_size
    if position > len(directory):
        raise damaged("its directory is cut off")
    return entries


def _sizes_64(packed_size: int, size: int, offset: int, extra: bytes) -> tuple[int, int, int]:
    """The three numbers of an entry, those that do not fit 32 bits from its extra field."""
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, position)
        if kind == _EXTRA_64:
            wide = iter(struct.unpack_from(f"<{min(length, 24) // 8}Q", extra, position + 4))
            try:
                size = next(wide) if size == _FULL_32 else size
                packed_size = next(wide) if packed_size == _FULL_32 else packed_size
                offset = next(wide) if offset == _FULL_32 else offset
            except StopIteration as exc:
                raise damaged("a 64-bit size is missing") from exc
        position += 4 + length
    return packed_size, size, offset


def local_header_size(file: BinaryIO, entry: Entry) -> int:
    """Compare an entry with the header in front of its bytes; returns that header's size."""
    fields = _LOCAL.unpack(read_at(file, entry.offset, _LOCAL.size))
    magic, flags, method = fields[0], fields[2], fields[3]
    name_size, extra_size = int(fields[9]), int(fields[10])
    name = read_at(file, entry.offset + _LOCAL.size, name_size)
    if magic != _LOCAL_MAGIC:
        raise damaged("a file in it is not where its directory says")
    if (flags ^ entry.flags) & ENCRYPTED or method != entry.method or name != entry.raw_name:
        raise UnreadableFile(
            "The archive contradicts itself: its directory names other files than it holds. "
            "Pack it again.",
            reason="archive_mismatch",
        )
    return _LOCAL.size + name_size + extra_size


def read_at(file: BinaryIO, position: int, size: int) -> bytes:
    """At most `size` bytes from a position, which comes out of the file and may be nonsense."""
    if position < 0 or size < 0:
        raise damaged("its directory is not where it should be")
    file.seek(position)
    return file.read(size)


def damaged(how: str) -> UnreadableFile:
    """The error for an archive that is not what its format demands."""
    return UnreadableFile(
        f"The archive is damaged: {how}. Send it again, or save it anew.",
        reason="archive_damaged",
    )


MAX_NAME_CHARACTERS = 512
"""As long as a document's name may be; longer ones only serve to break programs."""
MAX_FOLDER_DEPTH = 32
"""Deeper trees are made by programs, to exhaust other programs."""

_UNICODE_PATH = 0x7075
_KANA_OR_HAN = re.compile("[ぁ-ヿ一-鿿]")
_KANA_WORD = re.compile("[ぁ-ヿ]{2}")
_EVERYDAY = 0.5


def decoded_names(raw: Sequence[tuple[bytes, bool, bytes]]) -> list[str]:
    """The names of all members, NFC, with forward slashes.

    One encoding is chosen for all names that do not state theirs: a program writes them alike, and
    together they show it better than alone.

    Args:
        raw: per member its name, whether it is marked as UTF-8, and its extra fields.
    """
    stated = [_stated(name, marked, extra) for name, marked, extra in raw]
    unstated = [name for (name, _, _), known in zip(raw, stated, strict=True) if known is None]
    encoding = _encoding(unstated)
    return [
        unicodedata.normalize(
            "NFC", (known if known is not None else name.decode(encoding)).replace("\\", "/")
        )
        for (name, _, _), known in zip(raw, stated, strict=True)
    ]


def check_name(name: str) -> None:
    """Refuse a name that is not a plain relative path.

    Raises:
        UnreadableFile: reason `archive_unsafe_name`.
    """
    parts = name.removesuffix("/").split("/")
    if (
        not name.strip("/")
        or any(unicodedata.category(character) in ("Cc", "Cs") for character in name)
        or name.startswith("/")
        or ".." in parts
        or re.match(r"[A-Za-z]:", name)
        or len(name) > MAX_NAME_CHARACTERS
        or len(parts) > MAX_FOLDER_DEPTH
    ):
        raise UnreadableFile(
            f"The archive holds a file with an unsafe name: {name[:80]!r}. Pack it again with "
            "plain relative names.",
            reason="archive_unsafe_name",
        )


def _stated(name: bytes, marked: bool, extra: bytes) -> str | None:
    if name.isascii():
        return name.decode("ascii")
    if marked and (text := strictly(name, "utf-8")) is not None:
        return text
    return _unicode_path(name, extra)


def _unicode_path(name: bytes, extra: bytes) -> str | None:
    """The UTF-8 name that Info-ZIP adds; it counts only for the name that it was made for."""
    position = 0
    while position + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, position)
        body = extra[position + 4 : position + 4 + size]
        if kind == _UNICODE_PATH and len(body) > 5 and body[0] == 1:
            (made_for,) = struct.unpack_from("<I", body, 1)
            return strictly(body[5:], "utf-8") if made_for == zlib.crc32(name) else None
        position += 4 + size
    return None


def _encoding(names: Sequence[bytes]) -> str:
    together = b"\n".join(names)
    if strictly(together, "utf-8") is not None:
        return "utf-8"
    chinese = strictly(together, "gb18030")
    if chinese is not None and _share(chinese, _in_gb2312) >= _EVERYDAY:
        return "gb18030"
    japanese = strictly(together, "cp932")
    if japanese is not None and _share(japanese, _KANA_OR_HAN.match) >= _EVERYDAY:
        western = _reads_as_letters(together) and not _KANA_WORD.search(japanese)
        return "cp437" if western else "cp932"
    return "cp437"


def _share(text: str, is_everyday: Callable[[str], object]) -> float:
    foreign = [character for character in text if character > "\x7f"]
    return sum(bool(is_everyday(character)) for character in foreign) / max(1, len(foreign))


def _in_gb2312(character: str) -> bool:
    """The rarer characters of GB18030 turn up when Western names are read as Chinese."""
    try:
        return len(character.encode("gb2312")) == 2
    except UnicodeEncodeError:
        return False


def _reads_as_letters(names: bytes) -> bool:
    """Whether every high byte is an accented letter in CP437; Japanese has box drawings there."""
    return all(byte < 0x80 or 0x80 <= byte <= 0xA5 or byte == 0xE1 for byte in names)
