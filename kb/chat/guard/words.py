"""Which words of a prompt an answer has said lately, however they are spelled and spaced."""

from __future__ import annotations

from collections.abc import Iterable

from kb.chat.guard.index import CONTENT, LONGEST_WORD, PromptIndex, Span


class LatelySaid:
    """Which content words of one prompt an answer has said lately. Not thread-safe.

    Attributes:
        word: what was read of the present word.
    """

    def __init__(self, index: PromptIndex) -> None:
        self._index = index
        self._counts = [0] * len(index.spans)
        self._when: dict[str, int] = {}
        self._letters = 0
        self._short = ""
        self.word = ""

    def said(self, folded: str) -> list[tuple[int, int]]:
        """Read on; the spans of which enough words to count were said lately, the newest just now,
        each with how many."""
        grown: list[tuple[int, int]] = []
        index = self._index
        *whole, self.word = (self.word + folded).split(" ")
        for word in whole:
            self._letters += len(word)
            if len(word) >= CONTENT or word in index.spans_of:
                self._short = ""
                if meant := index.meant[word]:
                    self._note(meant, grown)
            elif word.isascii() and word:  # letters may stand apart
                self._short = self._short[-LONGEST_WORD:] + word
                if len(self._short) >= CONTENT:
                    self._note(index.inside(self._short, len(self._short) - len(word)), grown)
        if len(self.word) > LONGEST_WORD:  # words may stand together
            self._letters += len(self.word) - LONGEST_WORD
            self._note(index.inside(self.word), grown)
            self.word = self.word[-LONGEST_WORD:]
        return grown

    def own(self, span: Span) -> set[str]:
        """The words of a span that were said lately."""
        return span.words.keys() & self._when.keys()

    def _note(self, words: Iterable[str], grown: list[tuple[int, int]]) -> None:
        counts, index = self._counts, self._index
        for word in words:
            is_known = self._when.pop(word, None) is not None
            self._when[word] = self._letters
            if is_known:
                continue
            while self._when[oldest := next(iter(self._when))] < self._letters - index.memory:
                del self._when[oldest]
                for span in index.spans_of[oldest]:
                    counts[span] -= 1
            for span in index.spans_of[word]:
                counts[span] += 1
                if counts[span] >= index.spans[span].counts:
                    grown.append((span, counts[span]))
