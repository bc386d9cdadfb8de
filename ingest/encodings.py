"""Bytes to text without guessing silently: the encoding and the confidence are always reported.

Order: override, byte order mark, UTF-16 by its NULs, strict UTF-8, then the East Asian encodings
and then the single-byte encodings: strict over the whole file, ranked by how common the resulting
characters are. Nothing is ever decoded with `errors="ignore"`.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ingest.letters import (
    EAST_ASIAN,
    EAST_ASIAN_PLAUSIBLE,
    SINGLE_BYTE,
    SINGLE_BYTE_PLAUSIBLE,
    Candidate,
    share_of_everyday,
)
from ingest.media_types import has_few_controls, utf16_without_bom
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

_SAMPLE_BYTES = 64 * 1024
_MAX_REPLACED_SHARE = 0.001
_HIGH_BYTE = re.compile(rb"[\x80-\xff]")


def decode(data: bytes, override: str | None = None) -> Decoded:
    """The text of a file.

    Raises:
        UnreadableFile: reason `unknown_encoding`; the sentence says how to name the encoding.
    """
    if override:
        return _named(data, override)
    found = _unicode(data)
    if found is None and has_few_controls(data[:_SAMPLE_BYTES]):
        found = _east_asian(data) or _single_byte(data)
    if found is None:
        raise UnreadableFile(
            "The encoding of the text could not be told. Name it with ?encoding=, for example "
            "?encoding=gb18030, or save the file as UTF-8.",
            reason="unknown_encoding",
        )
    return found


def strictly(data: bytes, encoding: str) -> str | None:
    """The text if every byte of the data is valid in the encoding, else None."""
    try:
        return data.decode(encoding)
    except (UnicodeError, LookupError):
        return None


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
        raise UnreadableFile(f"{encoding!r} is no text encoding.", reason="unknown_encoding")
    return Decoded(text.removeprefix("\ufeff"), codec.name, 1.0)


def _unicode(data: bytes) -> Decoded | None:
    for bom, encoding in _BOMS:
        if data.startswith(bom) and (text := strictly(data, encoding)) is not None:
            return Decoded(text, encoding, 1.0)
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


def _by_letters(
    data: bytes, candidates: Sequence[Candidate], plausible: float
) -> tuple[str, str, float] | None:
    """Text, encoding and share of everyday letters of the best encoding that the whole file is
    valid in; ranked on a part of it."""
    sample = _around_first_high_byte(data)
    ranked = [
        (share_of_everyday(_decoded_sample(sample, one.encoding), one), one.encoding)
        for one in candidates
    ]
    for share, encoding in sorted(ranked, key=lambda entry: -entry[0]):
        if share >= plausible and (text := strictly(data, encoding)) is not None:
            return text, encoding, share
    return None


def _east_asian(data: bytes) -> Decoded | None:
    found = _by_letters(data, EAST_ASIAN, EAST_ASIAN_PLAUSIBLE)
    if found is None:
        return None
    text, encoding, share = found
    return Decoded(text, encoding, round(min(0.99, 0.7 + share), 2))


def _single_byte(data: bytes) -> Decoded | None:
    found = _by_letters(data, SINGLE_BYTE, SINGLE_BYTE_PLAUSIBLE)
    if found is None:
        return None
    text, encoding, share = found
    return Decoded(text, encoding, round(0.8 * share, 2))


def _around_first_high_byte(data: bytes) -> bytes:
    # What stands before the first byte over 127 is ASCII, so a character starts there.
    first = _HIGH_BYTE.search(data)
    start = first.start() if first else 0
    return data[start : start + _SAMPLE_BYTES]


def _decoded_sample(sample: bytes, encoding: str) -> str:
    try:
        return codecs.getincrementaldecoder(encoding)("strict").decode(sample, False)
    except UnicodeError:
        return ""
