"""Writes the pages of an office document block by block, and what the receipt says about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice

from ingest.page_text import no_text, scrub_warnings
from ingest.readers.page_writer import PageWriter
from ingest.readers.plain.table_rows import Header, Row, TableLines
from ingest.types import BlockKind, Extraction, ReadOptions
from kb.errors import UnreadableFile

PICTURES = "Pictures not read"
HIDDEN = "Characters of hidden text left out"
DELETED = "Characters of deleted text (tracked changes) left out"
EMBEDDED = "Embedded files not read"
"""Names for `OfficePages.losses`, as they stand in the receipt."""

_NAMED = 10


class OfficePages:
    """Pages under way. `losses` counts by name what was seen and not read."""

    def __init__(self, options: ReadOptions) -> None:
        self._writer = PageWriter(options)
        self._last_kind: BlockKind | None = None
        self.losses: Counter[str] = Counter()
        self.warnings: list[str] = []
        self.number = 1
        self.is_empty = True

    def put(self, kind: BlockKind, text: str, level: int = 0) -> None:
        """Append a block; items of one list and rows of one table stand on neighbouring lines.

        Raises:
            UnreadableFile: the document became too long.
        """
        if text.strip():
            close = kind in ("list", "table") and kind == self._last_kind
            self._add(kind, text, level, close)

    def table(
        self, rows: Iterable[Row], header_rows: int | None = None, above: Header | None = None
    ) -> Header:
        """Append a table, a block per row; returns the names of its columns.

        Raises:
            UnreadableFile: the document became too long.
        """
        lines = TableLines(above)
        for number, line in enumerate(lines.lines(rows, header_rows)):
            self._add("table", line, 0, number > 0)
        return lines.header

    def turn_page(self) -> None:
        """Close the page, also an empty one."""
        self._writer.turn_page()
        self._last_kind = None
        self.number += 1
        self.is_empty = True

    def extraction(self, parser: str, what: str, named: Iterable[str] = ()) -> Extraction:
        """All that was read.

        Args:
            parser: what read it, with its version.
            what: the word for the file in a sentence, such as "document".
            named: further warnings.

        Raises:
            UnreadableFile: reason `no_text`.
        """
        if not self._writer.blocks:
            raise self._without_text(what)
        lost = (f"{name}: {count}." for name, count in sorted(self.losses.items()) if count)
        pages = self._writer.pages()
        return Extraction(
            pages=pages,
            blocks=tuple(self._writer.blocks),
            encoding=None,
            encoding_confidence=None,
            parser=parser,
            warnings=(*self.warnings, *named, *lost, *scrub_warnings(self._writer.scrubbed)),
            empty_pages=tuple(page.number for page in pages if not page.text),
        )

    def _without_text(self, what: str) -> UnreadableFile:
        pictures = self.losses[PICTURES]
        if not pictures:
            return no_text(what)
        return UnreadableFile(
            f"The {what} holds no text, only pictures ({pictures}). Text in pictures is not read: "
            "run OCR on it first.",
            reason="no_text",
        )

    def _add(self, kind: BlockKind, text: str, level: int, close: bool) -> None:
        self._writer.add(kind, text, level=level, separator="\n" if close else "\n\n")
        self._last_kind = kind
        self.is_empty = False


def enumerated(names: Iterable[str]) -> str:
    """Names for a warning, the first ten of them."""
    return ", ".join(_some(list(names)))


def _some(names: list[str]) -> Iterator[str]:
    yield from islice(names, _NAMED)
    if len(names) > _NAMED:
        yield f"and {len(names) - _NAMED} more"
