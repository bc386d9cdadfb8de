"""The pages that a reader makes, with their blocks and what the receipt says about them.

Page text is NFC, has `\\n` line ends, no NUL and no lone surrogate, for ever. A reader passes its
text through here before it counts a character: a change afterwards would move every offset behind
it.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from ingest.readers.raised_text import resolved
from ingest.readers.table_rows import Header, Row, TableLines
from ingest.sniff.encodings import Decoded, decode
from ingest.types import Extraction, ReadOptions
from kb.errors import UnreadableFile
from kb.types import Block, BlockKind, Page

_SURROGATE = re.compile("[\ud800-\udfff]")
_NEWLINE = re.compile("\r\n?")
_MAX_BYTES_PER_CHARACTER = 4

PICTURES = "Pictures not read"
HIDDEN = "Characters of hidden text left out"
DELETED = "Characters of deleted text (tracked changes) left out"
STRUCK = "Characters of struck-out text left out"
COMMENTS = "Comments left out"
EMBEDDED = "Embedded files not read"
"""Names for `OfficePages.losses`, as they stand in the receipt."""

_NAMED = 10


def normalise(text: str) -> tuple[str, int]:
    """The final form of a text, and how many characters had to go: NULs are dropped, lone
    surrogates become U+FFFD."""
    scrubbed = 0
    if not text.isascii() and _SURROGATE.search(text):
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


@dataclass(frozen=True, slots=True)
class SourceText:
    """The text of a file in a format of plain text, in its final form, and how it was decoded."""

    text: str
    encoding: str
    confidence: float
    warnings: tuple[str, ...]

    def as_page(self, blocks: Iterable[Block], parser: str, options: ReadOptions) -> Extraction:
        """The whole text as page 1; `blocks` are spans over it.

        Raises:
            UnreadableFile: no text, or too long.
        """
        check_length(len(self.text), options)
        if not self.text.strip():
            raise no_text("file")
        return Extraction(
            pages=(Page(1, self.text),),
            blocks=tuple(blocks),
            encoding=self.encoding,
            encoding_confidence=self.confidence,
            parser=parser,
            warnings=self.warnings,
        )


def read_source(source: BinaryIO, options: ReadOptions) -> SourceText:
    """The text of a file.

    Raises:
        UnreadableFile: empty, too long, or the encoding is unknown.
    """
    return source_text(decode(read_bytes(source, options), options.encoding))


def source_text(decoded: Decoded) -> SourceText:
    """A decoded text in its final form, with what to tell about characters that did not fit."""
    text, scrubbed = normalise(decoded.text)
    warnings = scrub_warnings(scrubbed)
    if decoded.replaced:
        broken = f"{decoded.replaced} broken bytes were replaced by U+FFFD."
        warnings = (broken, *warnings)
    return SourceText(text, decoded.encoding, decoded.confidence, warnings)


def read_bytes(source: BinaryIO, options: ReadOptions) -> bytes:
    """All bytes of a text file; one that can only hold too much text is not read to its end.

    Raises:
        UnreadableFile: empty or too long.
    """
    most = options.max_characters * _MAX_BYTES_PER_CHARACTER + len("\ufeff".encode("utf-32"))
    data = source.read(most + 1)
    if len(data) > most:
        check_length(options.max_characters + 1, options)
    return data


class PageWriter:
    """Pages under way, page 1 first; every part that is added becomes a block.

    `losses` counts by name what was seen and not read; `warnings` are for the receipt as well.
    """

    def __init__(self, options: ReadOptions) -> None:
        self._options = options
        self._done: list[Page] = []
        self._done_length = 0
        self._parts: list[str] = []
        self._length = 0
        self._last_kind: BlockKind | None = None
        self._scrubbed = 0
        self.number = 1
        self.blocks: list[Block] = []
        self.losses: Counter[str] = Counter()
        self.warnings: list[str] = []

    @property
    def is_empty(self) -> bool:
        """Whether nothing stands on the page yet."""
        return not self._parts

    def add(self, kind: BlockKind, text: str, *, level: int = 0, separator: str = "\n\n") -> None:
        """Append a part behind a separator; blank parts are ignored.

        Raises:
            UnreadableFile: the document became too long.
        """
        text, scrubbed = normalise(resolved(text))
        self._scrubbed += scrubbed
        text = text.strip("\n") if kind == "code" else text.strip()
        if not text or text.isspace():
            return
        if self._parts:
            self._parts.append(separator)
            self._length += len(separator)
        start = self._length
        self._parts.append(text)
        self._length += len(text)
        check_length(self._done_length + self._length, self._options)
        self.blocks.append(Block(self.number, start, self._length, kind, level))
        self._last_kind = kind

    def put(self, kind: BlockKind, text: str, level: int = 0) -> None:
        """Append a part; items of one list and rows of one table stand on neighbouring lines."""
        close = kind in ("list", "table") and kind == self._last_kind
        self.add(kind, text, level=level, separator="\n" if close else "\n\n")

    def table(
        self, rows: Iterable[Row], header_rows: int | None = None, above: Header | None = None
    ) -> Header:
        """Append a table, a block per row; returns the names of its columns."""
        lines = TableLines(above)
        for number, line in enumerate(lines.lines(rows, header_rows)):
            self.add("table", line, separator="\n" if number or above else "\n\n")
        return lines.header

    def turn_page(self, number: int | None = None) -> None:
        """Close the page; what follows stands on the next one, or on one of a higher number."""
        self._done.append(self._page())
        self._done_length += self._length
        self.number = self.number + 1 if number is None else number
        self._parts, self._length, self._last_kind = [], 0, None

    def extraction(
        self,
        parser: str,
        what: str,
        more_warnings: Iterable[str] = (),
        source: SourceText | None = None,
    ) -> Extraction:
        """All that was read.

        Args:
            parser: what read it, with its version.
            what: the word for the file in a sentence, such as "document".
            source: how the file was decoded, if it is a text.

        Raises:
            UnreadableFile: reason `no_text`.
        """
        if not self.blocks:
            raise self._without_text(what)
        decoding = source.warnings if source is not None else ()
        lost = (f"{name}: {count}." for name, count in sorted(self.losses.items()) if count)
        scrubbed = scrub_warnings(self._scrubbed)
        pages = (*self._done, self._page())
        return Extraction(
            pages=pages,
            blocks=tuple(self.blocks),
            encoding=source.encoding if source is not None else None,
            encoding_confidence=source.confidence if source is not None else None,
            parser=parser,
            warnings=(*decoding, *self.warnings, *more_warnings, *lost, *scrubbed),
            empty_pages=tuple(page.number for page in pages if not page.text),
        )

    def _page(self) -> Page:
        return Page(self.number, "".join(self._parts))

    def _without_text(self, what: str) -> UnreadableFile:
        pictures = self.losses[PICTURES]
        if not pictures:
            return no_text(what)
        return UnreadableFile(
            f"The {what} holds no text, only pictures ({pictures}). Text in pictures is not read: "
            "run OCR on it first.",
            reason="no_text",
        )


def enumerated(names: Sequence[str]) -> str:
    """Names for a warning, the first ten of them."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
