"""A page's text without what cleaning removes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from ingest.types import Removal
from kb.types import Page


class KeptText:
    """Answers what is left of a slice of one page."""

    def __init__(self, text: str, removals: Sequence[Removal]) -> None:
        """`removals` are those of this page, in order, without overlaps."""
        self._text = text
        self._removals = removals
        self._starts = [removal.start for removal in removals]
        self._inside_words = [
            removal.start for removal in removals if _may_join_words(text, removal)
        ]

    def of(self, start: int, end: int) -> str:
        """The slice without the removed characters, and with what stands in their place."""
        if not self._removals:
            return self._text[start:end]
        kept = []
        position = start
        first = max(0, bisect_left(self._starts, start) - 1)
        for number in range(first, bisect_left(self._starts, end)):
            removal = self._removals[number]
            if removal.end > position:
                kept.append(self._text[position : max(position, removal.start)])
                if removal.start >= start:
                    kept.append(removal.instead)
                position = removal.end
        kept.append(self._text[position : max(position, end)])
        return "".join(kept)

    def joints(self, start: int, end: int) -> int:
        """At how many places of the slice a removal joins what were two words or parts of one."""
        return bisect_left(self._inside_words, end) - bisect_left(self._inside_words, start)


def _may_join_words(text: str, removal: Removal) -> bool:
    if not removal.instead:
        return not text[removal.start : removal.end].isspace()
    return any(
        0 < at < len(text) and text[at - 1 : at + 1].isalnum()
        for at in (removal.start, removal.end)
    )


def kept_texts(pages: Iterable[Page], removals: Iterable[Removal]) -> dict[int, KeptText]:
    """The kept text of each page, by its number; the removals of a page are in order."""
    by_page: dict[int, list[Removal]] = {}
    for removal in removals:
        by_page.setdefault(removal.page, []).append(removal)
    return {page.number: KeptText(page.text, by_page.get(page.number, ())) for page in pages}
