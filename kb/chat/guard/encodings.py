"""Takes base64 and hexadecimal off the end of an answer, whatever stands between their letters, and
both of them twice.

What is decoded is only ever compared with the prompt, never shown. Text that was not encoded
decodes to noise, which shares nothing with any prompt.
"""

from __future__ import annotations

import binascii
import re
import string
import unicodedata
from collections.abc import Iterator

RECENT = 256
"""Characters at the end of an answer that are looked at, separators and all."""

STEP = 16
"""New characters after which they are decoded again: twelve letters of base64."""

_DECODED = 80  # encoded characters that are decoded: enough for a run in any script
_LOUD_ENOUGH = 8
_LOOKED_AT = 96  # characters among which so many must be capitals, digits, + or /
_LOUD = re.compile(r"[A-Z0-9+/\uff10-\uff3a]")


class _Only(dict[int, str | None]):
    """A table for `str.translate` that leaves out what it does not know, and notes that."""

    def __missing__(self, code: int) -> None:
        self[code] = None


_KNOWN = string.ascii_letters + string.digits + "+/"
_BASE64 = _Only({ord(a): b for a, b in zip(f"{_KNOWN}-_", f"{_KNOWN}+/", strict=True)})
_HEX = _Only({ord(digit): digit.lower() for digit in string.hexdigits})


def decoded(recent: str, depth: int = 2) -> Iterator[str]:
    """What the end of an answer says if it is encoded, for every place to begin."""
    if len(_LOUD.findall(recent[-_LOOKED_AT:])) < _LOUD_ENOUGH:
        return
    near = unicodedata.normalize("NFKC", recent)
    dense = near[-RECENT:].translate(_BASE64)[-_DECODED:]
    digits = near[-RECENT:].replace("0x", "").translate(_HEX)[-2 * _DECODED :]
    said = [binascii.a2b_base64(part).decode("utf-8", "ignore") for part in _phases(dense, 4)]
    said += [bytes.fromhex(part).decode("utf-8", "ignore") for part in _phases(digits, 2)]
    said += [bytes.fromhex(part).decode("utf-16-be", "ignore") for part in _phases(digits, 4)]
    for text in said:
        yield text
        if depth > 1 and text.isascii():
            yield from decoded(text, depth - 1)


def _phases(text: str, size: int) -> Iterator[str]:
    """A text cut to whole groups, for every place where its first group may begin."""
    for phase in range(min(size, len(text))):
        yield text[phase : len(text) - (len(text) - phase) % size]
