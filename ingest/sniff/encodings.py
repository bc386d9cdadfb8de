"""Bytes to text without guessing silently: the encoding and the confidence are always reported.

Order: override, byte order mark, UTF-16 by its NULs, ISO-2022 by its escapes, strict UTF-8; then
all other encodings that the whole file is valid in, ranked by how likely the resulting characters
are (`ingest.sniff.plausibility`). Nothing is ever decoded with `errors="ignore"`.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from ingest.sniff.media_types import has_few_controls, utf16_without_bom
from ingest.sniff.plausibility import (
    EncodingMatch,
    confidence,
    encoding_matches,
    strictly,
    utf16_matches,
)
from kb.errors import UnreadableFile


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text, the Python name of its encoding, and how sure that is (0 to 1).

    `replaced` counts broken bytes that became U+FFFD; it is not 0 only in nearly clean UTF-8.
    """

    text: str
    encoding: str
    confidence: float
    replaced: int = 0


_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_SAMPLE_BYTES = 32 * 1024
_SAMPLE_PLACES = 16
_MOST_SEARCHED = 256 * 1024
_MAX_REPLACED_SHARE = 0.001
"""Of the characters. A cut transfer breaks one; other encodings break most that are not ASCII."""
_HIGH_BYTE = re.compile(rb"[\x80-\xff]")
_LINE_WITH_HIGH_BYTE = re.compile(rb"[^\n]*[\x80-\xff][^\n]*")
_ESCAPED = (
    (b"\x1b$B", ("iso2022_jp", "iso2022_jp_ext")),
    (b"\x1b$@", ("iso2022_jp", "iso2022_jp_ext")),
    (b"\x1b(J", ("iso2022_jp", "iso2022_jp_ext")),
    (b"\x1b$)C", ("iso2022_kr",)),
)
# What browsers read under these labels (WHATWG Encoding Standard): supersets of the named ones.
_SUPERSETS = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    "iso8859-9": "cp1254",
    "iso8859-8": "cp1255",
}
_SEVEN_BIT = ("iso2022", "hz", "utf-7")
_ENOUGH_TO_JUDGE = 20
"""Bytes beyond ASCII from which on a label is checked against what the bytes look like."""
_SURELY_ANOTHER = 40.0
"""Lead in log chance by which another encoding refutes a label."""


def decode(data: bytes, override: str | None = None) -> Decoded:
    """The text of a file.

    Raises:
        UnreadableFile: reason `unknown_encoding`; the sentence says how to name the encoding.
    """
    if override:
        return _named(data, override)
    found = _unicode(data)
    if found is None:
        found = _most_likely(data)
    if found is None:
        raise UnreadableFile(
            "The encoding of the text could not be told. Name it with ?encoding=, for example "
            "?encoding=gb18030, or save the file as UTF-8.",
            reason="unknown_encoding",
        )
    return found


def decode_declared(data: bytes, label: str | None) -> tuple[Decoded, bool]:
    """The text of bytes that come with a charset label, and whether the label was a lie.

    A label counts unless the bytes are not valid in it, or are plainly text in another encoding.

    Raises:
        UnreadableFile: reason `unknown_encoding`.
    """
    name = codec_name(label) if label else None
    if name is None:
        return decode(data), False
    if name.startswith(_SEVEN_BIT) and (text := strictly(data, name)) is not None:
        return Decoded(text, name, 0.95), False
    if (text := strictly(data, "utf-8")) is not None and not data.startswith(codecs.BOM_UTF8):
        return Decoded(text, "utf-8", 1.0), False
    if data.startswith(tuple(bom for bom, _ in _BOMS)):
        return decode(data), False
    text = strictly(data, name)
    if text is not None and not _is_refuted(data, name):
        return Decoded(text, name, 0.95), False
    return decode(data), True


def codec_name(label: str) -> str | None:
    """The Python name of the encoding that is meant by a charset label, None if there is none."""
    try:
        name = codecs.lookup(label.strip().strip("\"'")).name
    except (LookupError, ValueError):
        return None
    return _SUPERSETS.get(name, name)


def _is_refuted(data: bytes, name: str) -> bool:
    if sum(1 for _ in zip(_HIGH_BYTE.finditer(data), range(_ENOUGH_TO_JUDGE), strict=False)) < (
        _ENOUGH_TO_JUDGE
    ):
        return False
    found = encoding_matches(_sample(data))
    own = max((one.score for one in found if one.encoding == name), default=None)
    if not found or strictly(data, found[0].encoding) is None:
        return False
    same_text = own is None and found[0].sample == strictly(_sample(data), name)
    return not same_text and (own is None or found[0].score - own > _SURELY_ANOTHER)


def _named(data: bytes, encoding: str) -> Decoded:
    try:
        codec = codecs.lookup(encoding)
        text, _ = codec.decode(data, "strict")
    except (LookupError, ValueError, TypeError) as exc:
        raise UnreadableFile(
            f"The file cannot be read as {encoding!r}. Leave ?encoding= out to have it detected.",
            reason="unknown_encoding",
        ) from exc
    if not isinstance(text, str):  # codecs such as rot13 and hex exist, but decode to no text
        raise UnreadableFile(f"{encoding!r} is not a text encoding.", reason="unknown_encoding")
    return Decoded(text.removeprefix("\ufeff"), codec.name, 1.0)


def _unicode(data: bytes) -> Decoded | None:
    for bom, encoding in _BOMS:
        if data.startswith(bom) and (text := strictly(data, encoding)) is not None:
            return Decoded(text, encoding, 1.0)
    for escape, encodings in _ESCAPED:
        if escape in data:
            for encoding in encodings:
                if (text := strictly(data, encoding)) is not None:
                    return Decoded(text, encoding, 0.95)
    wide = utf16_without_bom(data[:_SAMPLE_BYTES])
    if wide is not None and (text := strictly(data, wide)) is not None and _printable(text):
        return Decoded(text, wide, 0.9)
    if b"\x00" in data[:_SAMPLE_BYTES]:
        return None
    text = strictly(data, "utf-8")
    return Decoded(text, "utf-8", 1.0) if text is not None else _nearly_utf8(data)


def _printable(text: str) -> bool:
    sample = text[:_SAMPLE_BYTES]
    return sum(c.isprintable() or c.isspace() for c in sample) >= 0.95 * len(sample)


def _nearly_utf8(data: bytes) -> Decoded | None:
    """UTF-8 with a few broken bytes, as after a cut transfer; the damage is counted, not hidden."""
    text = data.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    intact = sum(1 for character in text[: 4 * _SAMPLE_BYTES] if character > "\x7f") - broken
    if broken > max(1, len(text) * _MAX_REPLACED_SHARE) or intact < 20 * broken:
        return None
    return Decoded(text.removeprefix("\ufeff"), "utf-8", 0.8, replaced=broken)


def _most_likely(data: bytes) -> Decoded | None:
    """The most likely match that the whole file is valid in, or all but a cut last character."""
    best = _best(data)
    if data[-1:] > b"\x7f":
        cut = _best(data[:-1])
        is_han = cut is not None and cut[0].candidate.script == "han"
        if cut is not None and is_han and (best is None or cut[0].score > best[0].score):
            match, text, sure = cut
            return Decoded(f"{text}\ufffd", match.encoding, min(sure, 0.8), replaced=1)
    return None if best is None else Decoded(best[1], best[0].encoding, best[2])


def _best(data: bytes) -> tuple[EncodingMatch, str, float] | None:
    """The first match that fits all of the data, its text, and how sure it is."""
    narrow = encoding_matches(_sample(data)) if has_few_controls(data[:_SAMPLE_BYTES]) else []
    wide = utf16_matches(data[:_SAMPLE_BYTES]) if len(data) % 2 == 0 else []
    found = sorted([*narrow, *wide], key=lambda match: -match.score)
    for place, match in enumerate(found):
        if (text := strictly(data, match.encoding)) is not None:
            return match, text, confidence(match, found[place + 1 :])
    return None


def _sample(data: bytes) -> bytes:
    """Different lines that hold bytes beyond ASCII, from all over the file.

    No line end is ever the second half of a character, so none is cut; a line that repeats
    proves nothing more.
    """
    first = _HIGH_BYTE.search(data)
    lines: dict[bytes, None] = {}
    length = 0
    for part in range(_SAMPLE_PLACES):
        start = part * len(data) // _SAMPLE_PLACES
        # Behind the next line end, so that the first line is a whole one.
        start = data.find(b"\n", start) + 1 if part else 0
        for match in _LINE_WITH_HIGH_BYTE.finditer(data, start, start + _MOST_SEARCHED):
            if length >= (part + 1) * _SAMPLE_BYTES // _SAMPLE_PLACES:
                break
            if match.end() < start + _MOST_SEARCHED and match[0] not in lines:
                lines[match[0]] = None
                length += len(match[0])
    if lines or first is None:
        return b"\n".join(lines)
    return data[first.start() : first.start() + _SAMPLE_BYTES]
