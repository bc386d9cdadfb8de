"""A hidden prompt, prepared once so that an answer can be compared with it while it streams.

A *window* is a shortest piece of the prompt that may not leave: eight words, or `WINDOW_UNITS` of
folded text, from any character on. Whatever holds a forbidden run holds a window. *Grams* are all
pieces of `GRAM` characters, also of the prompt read backwards: where no gram matches there is no
window either, and looking one up is all that an ordinary character costs.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence

from kb.chat.guard.folding import fold, folded_words, weights

WINDOW_WORDS = 8
WINDOW_UNITS = 40
"""Folded letters, or half as many characters of a CJK script, that may not leave together.

`bench.guard`: with these and the limits of the other modules, none of 5,000 ordinary answers, each
the tenth of a conversation, is stopped for any of five prompts (decision 12).
"""

FRAGMENT_WORDS = WINDOW_WORDS // 2
FRAGMENT_UNITS = WINDOW_UNITS // 2
"""From here on a piece counts as given away, and text is held back while it grows."""

GRAM = 8
LONGEST = 64
"""More characters than any window has."""

NEVER = 2**31 - 1
SEPARATOR = "\n"  # no folded text holds one
_PLACES = 8


class PromptIndex:
    """The folded prompt, its grams and windows, and the ends of windows and fragments.

    Attributes:
        text: the folded parts, each behind a `SEPARATOR`.
        letters: the characters it consists of.
        grams: every `GRAM` characters of it, and of it backwards.
        windows: every text that may not leave, in the prompt's own direction.
        lengths: the lengths that windows have, ascending.
        shortest_fragment: the least characters that count as given away.
        quotable: what may be said although it stands in the prompt, folded.
    """

    __slots__ = (
        "fragment_reach",
        "grams",
        "lengths",
        "letters",
        "quotable",
        "reach",
        "shortest_fragment",
        "text",
        "windows",
    )

    def __init__(self, parts: Sequence[str], quotable: Sequence[str]) -> None:
        self.quotable = SEPARATOR.join(fold(text) for text in quotable)
        pieces = [""]
        window_ends = array("i")
        fragment_ends = array("i")
        for part in dict.fromkeys(parts):
            folded, words = folded_words(part)
            offset = len(window_ends) + len(SEPARATOR)
            pieces.append(folded)
            for ends, count, limit in (
                (window_ends, WINDOW_WORDS, WINDOW_UNITS),
                (fragment_ends, FRAGMENT_WORDS, FRAGMENT_UNITS),
            ):
                ends.append(NEVER)
                ends.extend(_ends(folded, words, count, limit, offset=offset))
        self.text = SEPARATOR.join(pieces)
        self.letters = frozenset(self.text)
        self.grams = frozenset().union(*map(_grams, pieces), *(_grams(p[::-1]) for p in pieces))
        self.windows = frozenset(
            self.text[start:end] for start, end in enumerate(window_ends) if end != NEVER
        )
        self.lengths = sorted({len(window) for window in self.windows})
        fragments = (end - start for start, end in enumerate(fragment_ends) if end != NEVER)
        self.shortest_fragment = max(min(fragments, default=0), GRAM)
        self.reach = _earliest(window_ends)
        self.fragment_reach = _earliest(fragment_ends)

    def runs(self, folded: str, minimum: int) -> Iterator[tuple[int, int]]:
        """Where at least `minimum` characters in a row, each in a gram, stand in a folded text.

        Only every few characters are looked at, so text that shares nothing costs little.
        """
        stride = max(1, minimum - GRAM + 1)
        position = GRAM
        while position <= len(folded):
            if folded[position - GRAM : position] in self.grams:
                start, end = self._grown(folded, position)
                if end - start >= minimum:
                    yield start, end
                position = end
            position += stride

    def places(self, fragment: str) -> Iterator[tuple[int, int]]:
        """Where a run stands in `text`; one that is pieced together, where its pieces stand."""
        while len(fragment) >= GRAM:
            length = self._longest_beginning(fragment)
            piece = fragment[:length]
            at = self.text.find(piece) if length >= GRAM else -1
            for _ in range(_PLACES):
                if at < 0:
                    break
                yield at, at + length
                at = self.text.find(piece, at + 1)
            fragment = fragment[max(length - GRAM + 1, 1) :] if length < len(fragment) else ""

    def _grown(self, folded: str, end: int) -> tuple[int, int]:
        start = end - GRAM
        while start > 0 and folded[start - 1 : start - 1 + GRAM] in self.grams:
            start -= 1
        while end < len(folded) and folded[end + 1 - GRAM : end + 1] in self.grams:
            end += 1
        return start, end

    def _longest_beginning(self, fragment: str) -> int:
        low, high = 0, len(fragment)
        if fragment in self.text:
            return high
        while low < high:
            middle = (low + high + 1) // 2
            if fragment[:middle] in self.text:
                low = middle
            else:
                high = middle - 1
        return low


def _ends(
    folded: str, words: list[tuple[int, int]], count: int, limit: int, *, offset: int
) -> array[int]:
    """For each character, where the shortest piece that begins there and is big enough ends."""
    ends = array("i", [NEVER]) * len(folded)
    reached = weights(folded)
    end = 0
    for start, before in enumerate(reached[:-1]):
        while end < len(folded) and reached[end] - before < limit:
            end += 1
        if reached[end] - before >= limit:
            ends[start] = offset + end
    for (start, _), (_, end) in zip(words, words[count - 1 :], strict=False):
        ends[start] = min(ends[start], offset + end)
    return ends


def _earliest(ends: array[int]) -> array[int]:
    """For each character, the earliest end of what begins there or later."""
    reach = array("i", ends)
    for start in range(len(reach) - 2, -1, -1):
        reach[start] = min(reach[start], reach[start + 1])
    return reach


def _grams(text: str) -> set[str]:
    return {text[start : start + GRAM] for start in range(len(text) - GRAM + 1)}
