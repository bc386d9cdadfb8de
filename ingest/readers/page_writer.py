"""Builds the one page of a format whose text has to be made (HTML, CSV), with its blocks."""

from __future__ import annotations

from ingest.page_text import check_length, normalise
from ingest.types import Block, BlockKind, ReadOptions
from kb.types import Page


class PageWriter:
    """Collects parts of page 1; every part becomes a block."""

    def __init__(self, options: ReadOptions) -> None:
        self._options = options
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
        check_length(self._length, self._options)
        self.blocks.append(Block(1, start, self._length, kind, level))

    def page(self) -> Page:
        """The page as written so far."""
        return Page(1, "".join(self._parts))
