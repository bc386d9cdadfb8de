"""Measures slices of a page in the embedder's tokens after tokenising the page once."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left

from kb.protocols import Tokenizer

_WINDOW = 8192
_BREAK = re.compile(r"\s")

CHARACTERS_PER_TOKEN = 16
"""More characters than this count as another token. Natural text has 1 to 6 a token; a word that
the model does not know is one token however long it is, and would make a chunk of megabytes."""


class Ruler:
    """Token positions of one page's text."""

    def __init__(self, text: str, tokenizer: Tokenizer) -> None:
        self.text = text
        self._starts = array("L")
        for start, end in _windows(text):
            self._starts.extend([start + first for first, _ in tokenizer.offsets(text[start:end])])

    def count(self, start: int, end: int) -> int:
        """About how many tokens a slice has: those that begin in it, or more if they are long.

        Cut out, it may have a few more or fewer, because a tokenizer looks across the cut.
        """
        beginning = bisect_left(self._starts, end) - bisect_left(self._starts, start)
        return max(beginning, -(-(end - start) // CHARACTERS_PER_TOKEN))

    def reach(self, start: int, end: int, budget: int) -> int:
        """Where to end a slice from `start` so that it holds at most `budget` tokens.

        The last white space in its second half if there is one, else between two tokens.
        """
        first = bisect_left(self._starts, start)
        stop = min(end, start + budget * CHARACTERS_PER_TOKEN)
        if first + budget < len(self._starts):
            stop = min(stop, self._starts[first + budget])
        stop = max(stop, start + 1)
        if stop >= end:
            return end
        for position in range(stop, (start + stop) // 2, -1):
            if self.text[position].isspace():
                return position
        return stop


def _windows(text: str) -> list[tuple[int, int]]:
    """Slices that break at white space, so that no token is cut: tokenising a whole book at once
    would hold all its tokens as objects."""
    windows = []
    start = 0
    while start < len(text):
        end = min(start + _WINDOW, len(text))
        gap = _BREAK.search(text, end, end + _WINDOW)
        end = gap.start() if gap is not None else end
        windows.append((start, end))
        start = end
    return windows
