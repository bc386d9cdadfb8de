"""Words that are said one by one from the last to the first, or each of them backwards.

Both are looked for in the prompt's own direction only: turned twice, every word would be found.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from kb.chat.guard.folding import fold

ORDER_RUN, ORDER_WORDS = 28, 6
"""Folded characters and words that may not stand in turned order; a few words do so in any text,
and one long word has no order. Numbers do not count as words: whoever counts down turns them."""

LETTERS_RUN = 12
"""Folded letters that may not stand in words said backwards: prose never holds them (none of
5,000 answers of `bench.guard`)."""

_LONGEST_WORD = 64
_BETWEEN = re.compile(r"[\s_/|;,<>-]+")


class TurnedWords:
    """Follows how far the words of one answer run backwards along one prompt.

    Args:
        text: the folded prompt.
        holds: whether a folded run may be said.
    """

    def __init__(self, text: str, holds: Callable[[str], bool]) -> None:
        self._text = text
        self._holds = holds
        self._word = ""
        self._ordered = ""
        self._in_order = 0
        self._lettered = ""

    def leaks(self, piece: str) -> bool:
        """Read on; whether a run is complete with a word that has just ended."""
        self._word += piece
        if _BETWEEN.search(piece) is None:
            if len(self._word) > _LONGEST_WORD:
                self._word = self._ordered = self._lettered = ""
            return False
        *whole, self._word = _BETWEEN.split(self._word)
        return any(self._reads(word) for word in whole)

    def _reads(self, said: str) -> bool:
        word = fold(said, " ")
        if not word:
            return False
        known, self._ordered = len(self._ordered), self._grown(word + self._ordered, word)
        goes_on = len(self._ordered) > max(known, len(word))
        self._in_order = (self._in_order if goes_on else 0) + any(map(str.isalpha, said))
        self._lettered = self._grown(self._lettered + word[::-1], word[::-1])
        return (
            self._in_order >= ORDER_WORDS and self._tells(self._ordered, ORDER_RUN)
        ) or self._is_backwards(self._lettered)

    def _is_backwards(self, run: str) -> bool:
        """A run that reads the same both ways may have been said forwards."""
        return run != run[::-1] and self._tells(run, LETTERS_RUN)

    def _grown(self, run: str, word: str) -> str:
        if run in self._text:
            return run
        return word if word in self._text else ""

    def _tells(self, run: str, minimum: int) -> bool:
        return len(run) >= minimum and not self._holds(run)
