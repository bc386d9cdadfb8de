"""Which letters of a prompt one reader has been told, in all answers so far."""

from __future__ import annotations

import re
from collections.abc import Iterable

from kb.chat.guard.index import BETWEEN, PromptIndex

_TOLD = re.compile(rb"\x01+")


class Disclosed:
    """The told intervals of one prompt. One object for all answers that one reader gets at a time,
    so that they add up while they stream. Belongs to the event loop's thread.

    Attributes:
        index: the prompt.
        changed: whether anything was added since it was loaded or stored.
    """

    def __init__(self, index: PromptIndex, intervals: Iterable[tuple[int, int]] = ()) -> None:
        self.index = index
        self._letters = bytearray(len(index.text) + 1)
        for start, end in intervals:
            self.add(start, end)
        self.changed = False

    @property
    def intervals(self) -> list[tuple[int, int]]:
        """The intervals, ascending."""
        return [told.span() for told in _TOLD.finditer(self._letters)]

    def holds(self, start: int, end: int) -> bool:
        """Whether all of a piece was told."""
        return 0 not in self._letters[start:end]

    def add(self, start: int, end: int) -> None:
        """Note a piece as told."""
        if not self.holds(start, end):
            self._letters[start:end] = b"\1" * (end - start)
            self.changed = True

    def around(self, start: int, end: int) -> tuple[int, int]:
        """From where to where everything would be told with a piece, but for gaps of a few letters
        that do not part them."""
        gap = bytes(len(BETWEEN))
        return self._letters.rindex(gap, 0, start) + len(gap), self._letters.index(gap, end)
