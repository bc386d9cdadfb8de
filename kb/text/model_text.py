"""Text for and from a language model: how many tokens it has, and what is safe to store."""

from __future__ import annotations

import math

LATIN_CHARACTERS_PER_TOKEN = 4.0
WIDE_CHARACTERS_PER_TOKEN = 1.5
"""Rules of thumb of the large byte-pair vocabularies: English and CJK text."""


def estimate_tokens(text: str) -> int:
    """About how many tokens a text has; results that rest on it are marked `estimated`."""
    narrow = len(text.encode("ascii", "ignore"))
    wide = len(text) - narrow
    return math.ceil(narrow / LATIN_CHARACTERS_PER_TOKEN + wide / WIDE_CHARACTERS_PER_TOKEN)


def clean(text: str) -> str:
    """Half surrogate pairs become U+FFFD and NUL goes: either kills a stream or a database row."""
    if text.isascii() and "\0" not in text:
        return text
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return whole.replace("\0", "")
