"""Takes encodings off an answer: ROT13, base64 and hexadecimal, also with separators in between.

What is decoded is only ever compared with the prompt, never shown. Text that was not encoded
decodes to noise, which shares nothing with any prompt.
"""

from __future__ import annotations

import binascii
import re
import string
import unicodedata
from collections.abc import Iterator

from kb.chat.guarding.folding import fold

RECENT = 512
"""Characters of an answer that are looked at for an encoding."""

LOUD = re.compile(r"[A-Z0-9+/]")
"""What encoded text is full of and prose is not."""

_LOUD_ENOUGH = 8
_LOOKED_AT = 48  # encoded characters among which so many must be loud
_DECODED = 80  # encoded characters that are decoded: enough for a run in any script

_LETTERS = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"


class _Only(dict[int, str | None]):
    """A table for `str.translate` that leaves out what it does not know."""

    def __missing__(self, code: int) -> None:
        return None


_BASE64 = _Only({**{ord(letter): letter for letter in _LETTERS}, ord("-"): "+", ord("_"): "/"})
_HALF_TURNED = _Only(
    {
        ord(letter): fold(string.ascii_lowercase[(place + 13) % 26])
        for letters in (string.ascii_lowercase, string.ascii_uppercase)
        for place, letter in enumerate(letters)
    }
)
_BETWEEN_BYTES = re.compile(r"0x|\\x|\\u00|&#x|[\W_]")
_HEX_AT_END = re.compile(r"[0-9a-f]+\Z")


def plain_width(text: str) -> str:
    """The text with full-width and similar forms as the characters they stand for."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def rot13(text: str) -> str:
    """The letters of a text turned by half the alphabet and folded; nothing else is kept."""
    return text.translate(_HALF_TURNED)


def decoded(recent: str) -> Iterator[str]:
    """What the end of an answer says if it is base64 or hexadecimal, for every place to begin."""
    dense = recent.translate(_BASE64)[-_DECODED:]
    if len(LOUD.findall(dense[-_LOOKED_AT:])) < _LOUD_ENOUGH:
        return
    for phase in range(4):
        end = len(dense) - (len(dense) - phase) % 4
        yield binascii.a2b_base64(dense[phase:end]).decode("utf-8", "ignore")
    found = _HEX_AT_END.search(_BETWEEN_BYTES.sub("", recent.lower()))
    digits = found[0][-2 * _DECODED :] if found else ""
    for phase in range(2):
        end = len(digits) - (len(digits) - phase) % 2
        yield bytes.fromhex(digits[phase:end]).decode("utf-8", "ignore")
