"""Builds the pages of a format whose text has to be made (HTML, CSV, mail), with their blocks."""

from __future__ import annotations

from ingest.page_text import check_length, normalise
from ingest.types import Block, BlockKind, ReadOptions
from kb.types import Page


class PageWriter:
    """Collects parts of pages, page 1 first; every part becomes a block."""

    def __init__(self, options: ReadOptions) -> None:
        self._options = options
        self._number = 1
        self._done: list[Page] = []
        self._done_length = 0
        self._parts: list[str] = []
        self._length = 0
        self.blocks: list[Block] = []
        self.scrubbed = 0

    def add(self, kind: BlockKind, text: str, *, level: int = 0, separator: str = "\n\n") -> None:
        """Append a part behind a separator; blank parts are ignored.

        Raises:
            UnreadableFile: the document became too long.
        """
        text, scrubbed = normalise(text)
        self.scrubbed += scrubbed
        text = text.strip("\n") if kind == "code" else text.strip()
        if not text.strip():
            return
        if self._parts:
            self._parts.append(separator)
            self._length += len(separator)
        start = self._length
        self._parts.append(text)
        self._length += len(text)
        check_length(self._done_length + self._length, self._options)
        self.blocks.append(Block(self._number, start, self._length, kind, level))

    def turn_page(self, number: int | None = None) -> None:
        """Close the page; what follows stands on the next one, or on one of a higher number."""
        self._done.append(self.page())
        self._done_length += self._length
        self._number = self._number + 1 if number is None else number
        self._parts, self._length = [], 0

    def page(self) -> Page:
        """The current page as written so far."""
        return Page(self._number, "".join(self._parts))

    def pages(self) -> tuple[Page, ...]:
        """All pages so far, also those without text."""
        return (*self._done, self.page())
