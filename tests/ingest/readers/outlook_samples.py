"""Writes MSG files: a compound file whose streams all lie in its mini stream, and Outlook's
property streams in it. Only what the reader's tests need."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from itertools import pairwise

Tree = Mapping[str, "bytes | Tree"]

_SECTOR, _MINI = 512, 64
_END, _FREE, _FAT_SECTOR = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
_STRING, _BINARY, _INTEGER = 0x001F, 0x0102, 0x0003
SUBJECT, BODY, HTML, SENDER, TO = 0x0037, 0x1000, 0x1013, 0x0C1A, 0x0E04
FILE_NAME, FILE_DATA, RTF = 0x3707, 0x3701, 0x1009


def message(
    values: Mapping[int, str | bytes],
    attachments: list[Mapping[int, str | bytes]] | None = None,
    enclosed: Mapping[int, str | bytes] | None = None,
) -> bytes:
    """An MSG file with properties (id → text or bytes), attached files and an enclosed mail."""
    tree: dict[str, bytes | Tree] = dict(_properties(values, 32))
    for number, attachment in enumerate(attachments or []):
        tree[f"__attach_version1.0_#{number:08X}"] = _properties(attachment, 8)
    if enclosed is not None:
        inner = {"__substg1.0_3701000D": _properties(enclosed, 24), **_properties({}, 8)}
        tree["__attach_version1.0_#00000099"] = inner
    return compound_file(tree)


def _properties(values: Mapping[int, str | bytes], header_bytes: int) -> dict[str, bytes | Tree]:
    streams: dict[str, bytes | Tree] = {}
    entries = b"\x00" * header_bytes
    entries += struct.pack("<HHIII", _INTEGER, 0x340D, 6, 0x00040000, 0)  # strings are Unicode
    for identifier, value in values.items():
        kind = _STRING if isinstance(value, str) else _BINARY
        data = value.encode("utf-16-le") if isinstance(value, str) else value
        streams[f"__substg1.0_{identifier:04X}{kind:04X}"] = data
        entries += struct.pack("<HHIII", kind, identifier, 6, len(data), 0)
    return {"__properties_version1.0": entries, **streams}


def compound_file(tree: Tree) -> bytes:
    """A compound file (CFB version 3) that holds a tree of storages and streams."""
    directory: list[bytes] = []
    mini = bytearray()
    mini_fat: list[int] = []
    _add_entry(directory, "Root Entry", tree, mini, mini_fat, is_root=True)
    while len(directory) % 4:
        directory.append(b"\x00" * 68 + struct.pack("<III", _FREE, _FREE, _FREE) + b"\x00" * 48)
    root = directory[0]
    parts = [b"".join(directory), bytes(mini), struct.pack(f"<{len(mini_fat)}I", *mini_fat)]
    starts, fat, sectors = [], [_FAT_SECTOR], b""
    for part in parts:
        count = -(-len(part) // _SECTOR)
        starts.append(len(fat))
        fat += [len(fat) + step + 1 for step in range(count - 1)] + [_END]
        fill = b"\xff" if part is parts[2] else b"\x00"
        sectors += part.ljust(count * _SECTOR, fill)
    assert len(fat) <= _SECTOR // 4, "one FAT sector is all that is written here"
    patched = root[:116] + struct.pack("<II", starts[1], len(mini)) + root[124:]
    sectors = patched + sectors[128:]
    table = struct.pack(f"<{len(fat)}I", *fat).ljust(_SECTOR, b"\xff")
    return _header(starts[0], starts[2], -(-len(parts[2]) // _SECTOR)) + table + sectors


def _header(directory: int, mini_fat: int, mini_fat_sectors: int) -> bytes:
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 16
    head += struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    head += struct.pack("<IIIII", 0, 1, directory, 0, 4096)
    head += struct.pack("<IIII", mini_fat, mini_fat_sectors, _END, 0)
    return head + struct.pack("<109I", 0, *[_FREE] * 108)


def _add_entry(
    directory: list[bytes],
    name: str,
    content: bytes | Tree,
    mini: bytearray,
    mini_fat: list[int],
    *,
    is_root: bool = False,
) -> int:
    """Add an entry and what is in it; siblings hang on each other's right side."""
    own = len(directory)
    directory.append(b"")
    start, size, child, kind = 0, 0, _FREE, 5 if is_root else 1
    if isinstance(content, bytes):
        kind, size = 2, len(content)
        count = max(1, -(-size // _MINI))
        start = len(mini_fat)
        mini_fat += [start + step + 1 for step in range(count - 1)] + [_END]
        mini += content.ljust(count * _MINI, b"\x00")
    else:
        numbers = [
            _add_entry(directory, inner, content[inner], mini, mini_fat) for inner in content
        ]
        child = numbers[0]
        for left, right in pairwise(numbers):
            entry = directory[left]
            directory[left] = entry[:72] + struct.pack("<I", right) + entry[76:]
    raw = name.encode("utf-16-le") + b"\x00\x00"
    directory[own] = (
        raw.ljust(64, b"\x00")
        + struct.pack("<HBBIII", len(raw), kind, 1, _FREE, _FREE, child)
        + b"\x00" * 36
        + struct.pack("<IQ", start, size)
    )
    return own
