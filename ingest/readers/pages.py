"""The pages that a reader makes, with their blocks and what the receipt says about them.

Page text is NFC, has `\\n` line ends, no NUL and no lone surrogate, for ever. A reader passes its
text through here before it counts a character: a change afterwards would move every offset behind
it.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice

from ingest.readers.plain.table_rows import Header, Row, TableLines
from ingest.types import Extraction, ReadOptions
from kb.errors import UnreadableFile
from kb.types import Block, BlockKind, Page

_SURROGATE = re.compile("[\ud800-\udfff]")
_NEWLINE = re.compile("\r\n?")


def normalise(text: str) -> tuple[str, int]:
    """The final form of a text, and how many characters had to go: NULs are dropped, lone
    surrogates become U+FFFD."""
    scrubbed = 0
    if _SURROGATE.search(text):
        # Halves that stand side by side are one character; only what is left over is broken.
        broken = text.encode("utf-16-le", "surrogatepass")
        before = text.count("\ufffd")
        text = broken.decode("utf-16-le", "replace")
        scrubbed += text.count("\ufffd") - before
    if "\x00" in text:
        scrubbed += text.count("\x00")
        text = text.replace("\x00", "")
    if "\r" in text:
        text = _NEWLINE.sub("\n", text)
    return unicodedata.normalize("NFC", text), scrubbed


def scrub_warnings(scrubbed: int) -> tuple[str, ...]:
    """What to tell about characters that `normalise` took out."""
    if not scrubbed:
        return ()
    return (f"{scrubbed} NUL or broken characters were removed.",)


def check_length(characters: int, options: ReadOptions) -> None:
    """Refuse a document that holds more text than one document may.

    Raises:
        UnreadableFile: reason `too_large`.
    """
    if characters > options.max_characters:
        raise UnreadableFile(
            f"The document holds more than {options.max_characters:,} characters. Split it into "
            "several files, or raise KB_INGEST__MAX_CHARACTERS.",
            reason="too_large",
        )


def no_text(what: str) -> UnreadableFile:
    """The error for a file that is whole but holds no words."""
    return UnreadableFile(f"The {what} holds no text.", reason="no_text")


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
