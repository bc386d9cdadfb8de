"""File names inside zip archives: their encoding is guessed, and names that lead out are refused.

The format knows two encodings, CP437 and UTF-8. Chinese Windows writes GB18030 and Japanese Windows
CP932 under the first of them, and macOS writes UTF-8 there.
"""

from __future__ import annotations

import re
import struct
import unicodedata
import zlib
from collections.abc import Callable, Sequence

from kb.errors import UnreadableFile

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
    if marked and (text := _strictly(name, "utf-8")) is not None:
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
            return _strictly(body[5:], "utf-8") if made_for == zlib.crc32(name) else None
        position += 4 + size
    return None


def _encoding(names: Sequence[bytes]) -> str:
    together = b"\n".join(names)
    if _strictly(together, "utf-8") is not None:
        return "utf-8"
    chinese = _strictly(together, "gb18030")
    if chinese is not None and _share(chinese, _in_gb2312) >= _EVERYDAY:
        return "gb18030"
    japanese = _strictly(together, "cp932")
    if japanese is not None and _share(japanese, _is_kana_or_han) >= _EVERYDAY:
        western = _reads_as_letters(together) and not _KANA_WORD.search(japanese)
        return "cp437" if western else "cp932"
    return "cp437"


def _share(text: str, is_everyday: Callable[[str], bool]) -> float:
    foreign = [character for character in text if character > "\x7f"]
    return sum(map(is_everyday, foreign)) / max(1, len(foreign))


def _in_gb2312(character: str) -> bool:
    """The rarer characters of GB18030 turn up when Western names are read as Chinese."""
    try:
        return len(character.encode("gb2312")) == 2
    except UnicodeEncodeError:
        return False


def _is_kana_or_han(character: str) -> bool:
    return _KANA_OR_HAN.match(character) is not None


def _reads_as_letters(names: bytes) -> bool:
    """Whether every high byte is an accented letter in CP437; Japanese has box drawings there."""
    return all(byte < 0x80 or 0x80 <= byte <= 0xA5 or byte == 0xE1 for byte in names)


def _strictly(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None
