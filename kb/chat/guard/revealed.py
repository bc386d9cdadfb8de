"""What a conversation has given away of a hidden prompt so far, and what therefore may not follow.

Seven words are allowed, and seven more are not if together they make up fourteen in a row. A piece
counts from half a window on, so that common phrases of three words never add up.
"""

from __future__ import annotations

from kb.chat.guard.index import LONGEST, NEVER, SEPARATOR, PromptIndex

GAP = 8
"""Folded characters that may be left out between two pieces without parting them."""

MOST_INTERVALS = 256
"""Pieces that are kept in mind; whoever collects more is found out long before."""


class Revealed:
    """The intervals of one prompt that have been said. Not thread-safe.

    Attributes:
        windows: pieces that would make a forbidden run with what was said before.
        lengths: the lengths that they have.
    """

    def __init__(self, index: PromptIndex) -> None:
        self._index = index
        self._intervals: list[tuple[int, int]] = []
        self.windows: set[str] = set()
        self.lengths: set[int] = set()

    def note(self, run: str) -> None:
        """Count a run of the answer as given away, if it is long enough."""
        for start, end in self._index.places(run):
            if self._index.fragment_reach[start] <= end and len(self._intervals) < MOST_INTERVALS:
                self._add(start, end)

    def _add(self, start: int, end: int) -> None:
        if any(known[0] <= start and end <= known[1] for known in self._intervals):
            return
        apart = []
        for known in self._intervals:
            if known[0] > end + GAP or known[1] < start - GAP:
                apart.append(known)
            else:
                start, end = min(start, known[0]), max(end, known[1])
        self._intervals = [*apart, (start, end)]
        self._forbid_around(start, end)

    def _forbid_around(self, start: int, end: int) -> None:
        index = self._index
        for begin in range(max(start - GAP - LONGEST, 0), min(end + GAP, len(index.text))):
            first = min(begin, start)
            stop = max(index.fragment_reach[begin], start - GAP)
            if index.reach[first] > max(stop, end):
                stop = index.reach[first]
            if stop == NEVER or stop - begin > LONGEST:
                continue
            window = index.text[begin:stop]
            if SEPARATOR not in index.text[first : max(stop, end)]:
                self.windows.add(window)
                self.lengths.add(len(window))
