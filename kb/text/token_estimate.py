"""A guess at a language model's tokens where the provider does not count."""

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
