"""Plain text: one page, paragraphs by blank lines or indents, headings by their wording.

The whole file is page 1; the text is quoted as it stands, so blocks are only spans over it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from ingest.page_text import check_length, no_text, normalise, scrub_warnings
from ingest.readers.office.headings import heading_level
from ingest.sniff.encodings import Decoded, decode
from ingest.types import Block, Extraction, ReadOptions
from kb.errors import UnreadableFile
from kb.types import Page

PARSER = "kb text 1"

_MAX_BYTES_PER_CHARACTER = 4
_INDENT = re.compile("\u3000|\t| {2,}")
_UNWRAPPED_LINE = 160
"""A line longer than this was not broken to fit a width, so each line is a paragraph."""


def read_text(source: BinaryIO, options: ReadOptions) -> Extraction:
    """The file as one page.

    Raises:
        UnreadableFile: no text, too long, or the encoding is unknown.
    """
    decoded = read_decoded(source, options)
    text, scrubbed = normalise(decoded.text)
    check_length(len(text), options)
    if not text.strip():
        raise no_text("file")
    return Extraction(
        pages=(Page(1, text),),
        blocks=tuple(text_blocks(1, text)),
        encoding=decoded.encoding,
        encoding_confidence=decoded.confidence,
        parser=PARSER,
        warnings=(*decoding_warnings(decoded), *scrub_warnings(scrubbed)),
    )


def read_decoded(source: BinaryIO, options: ReadOptions) -> Decoded:
    """The bytes of a text file, decoded.

    Raises:
        UnreadableFile: empty, too long, or the encoding is unknown.
    """
    return decode(read_bytes(source, options), options.encoding)


def read_bytes(source: BinaryIO, options: ReadOptions) -> bytes:
    """All bytes of a text file; one that can only hold too much text is not read to its end.

    Raises:
        UnreadableFile: empty or too long.
    """
    most = options.max_characters * _MAX_BYTES_PER_CHARACTER + len("\ufeff".encode("utf-32"))
    data = source.read(most + 1)
    if len(data) > most:
        check_length(options.max_characters + 1, options)
    if not data:
        raise UnreadableFile("The file is empty: it has no bytes.", reason="empty_file")
    return data


def decoding_warnings(decoded: Decoded) -> tuple[str, ...]:
    """What to tell about bytes that did not fit the encoding."""
    if not decoded.replaced:
        return ()
    return (f"{decoded.replaced} broken bytes were replaced by U+FFFD.",)


def text_blocks(page: int, text: str) -> Iterator[Block]:
    """Paragraphs and headings of unmarked text, in order."""
    for lines in _groups(text):
        unwrapped = max(end - start for start, end in lines) > _UNWRAPPED_LINE
        yield from _group_blocks(page, text, lines, unwrapped)


def _groups(text: str) -> Iterator[list[tuple[int, int]]]:
    """Lines between blank lines, as extents without the line break."""
    lines: list[tuple[int, int]] = []
    position = 0
    for line in text.split("\n"):
        if line.strip():
            lines.append((position, position + len(line)))
        elif lines:
            yield lines
            lines = []
        position += len(line) + 1
    if lines:
        yield lines


def _group_blocks(
    page: int, text: str, lines: list[tuple[int, int]], unwrapped: bool
) -> Iterator[Block]:
    first: int | None = None
    last = 0
    for start, end in lines:
        level = heading_level(text[start:end])
        if first is not None and (level or unwrapped or _INDENT.match(text, start)):
            yield Block(page, first, last, "paragraph")
            first = None
        if level:
            yield Block(page, start, end, "heading", level)
            continue
        first = start if first is None else first
        last = end
    if first is not None:
        yield Block(page, first, last, "paragraph")
