"""Words that are said one by one from the last to the first, or each of them backwards.

Both are looked for in the prompt's own direction only: turned twice, every word would be found.
"""

from __future__ import annotations

from collections.abc import Callable

from kb.chat.guarding.folding import fold

ORDER_RUN, ORDER_WORDS = 28, 4
"""Folded letters and words that may not stand in turned order; two or three words do so in any
text, and one long word has no order."""

LETTERS_RUN = 12
"""Folded letters that may not stand in words said backwards: prose never holds them."""

_LONGEST_WORD = 64


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
        self._in_order = 1
        self._lettered = ""

    def leaks(self, piece: str) -> bool:
        """Read on; whether a run is complete with a word that has just ended."""
        self._word += piece
        if " " not in piece and "\n" not in piece:
            if len(self._word) > _LONGEST_WORD:
                self._word = self._ordered = self._lettered = ""
            return False
        *whole, self._word = self._word.replace("\n", " ").split(" ")
        return any(self._reads(fold(word, " ")) for word in whole)

    def _reads(self, word: str) -> bool:
        if not word:
            return False
        known, self._ordered = len(self._ordered), self._grown(word + self._ordered, word)
        self._in_order = self._in_order + 1 if len(self._ordered) > max(known, len(word)) else 1
        self._lettered = self._grown(self._lettered + word[::-1], word[::-1])
        return (
            self._in_order >= ORDER_WORDS and self._tells(self._ordered, ORDER_RUN)
        ) or self._tells(self._lettered, LETTERS_RUN)

    def _grown(self, run: str, word: str) -> str:
        if run in self._text:
            return run
        return word if word in self._text else ""

    def _tells(self, run: str, minimum: int) -> bool:
        return len(run) >= minimum and not self._holds(run)
