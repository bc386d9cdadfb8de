"""Plain text: one page, paragraphs by blank lines or indents, headings by their wording (`第一回
…`, `第三十三条`, `Chapter 1`, `1.2 Title`).

The whole file is page 1; the text is quoted as it stands, so blocks are only spans over it. Only
short lines that do not read as a sentence count as headings: a wrong one would stand above every
chunk that follows. A single number ("1. Buy milk") is a list item more often than a heading.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from ingest.readers.pages import read_source
from ingest.types import Extraction, ReadOptions
from kb.types import Block

MAX_HEADING_CHARACTERS = 80
_MAX_HAN_HEADING = 60
_MAX_HAN_WORDS_ALONE = 25

_NUMBER = "[0-9０-９零〇一二三四五六七八九十百千两]{1,9}"
_UNITS = {
    **dict.fromkeys(("卷", "部", "部分", "篇", "编", "編", "集"), 1),
    **dict.fromkeys(("章", "回", "讲", "講"), 2),
    **dict.fromkeys(("节", "節"), 3),
    **dict.fromkeys(("条", "條"), 4),
}
_HAN_ORDINAL = re.compile(
    rf"(?:正文\s*)?第{_NUMBER}(部分|[卷部篇编編集章回讲講节節条條])(?:[\s:：]|(?=\S)|$)"
)
_HAN_SENTENCE = re.compile(r"[。；！？;!?]|[，,、：:]$")
_HAN_ALONE = re.compile(
    r"(?:自?序言?|前言|引言|引子|楔子|尾声|后记|後記|致谢|总则|附则|附录\S{0,20})$"
)
_HAN_LISTED = re.compile(r"[一二三四五六七八九十]{1,3}、\S")

_WORDS = {"part": 1, "book": 1, "chapter": 2, "appendix": 2, "section": 3, "article": 3}
_NAMED = re.compile(
    r"(part|book|chapter|appendix|section|article)\s+"
    r"(?:\d{1,4}(?:\.\d{1,4})*|[IVXLC]{1,7}|[A-Z])(?:[.:]?\s+\S.*|[.:])?$",
    re.IGNORECASE,
)
_PARAGRAPH_SIGN = re.compile(r"§+\s?\d+[a-z]?\b")
_NUMBERED = re.compile(r"(\d{1,3}(?:\.\d{1,3}){1,4})\.?\s+[^\W\d_a-z]\S*")
_UNLIKE_A_TITLE = re.compile(r"\.{3,}|…|[.,;:?!]$|\s\d+$|[.!?]\s+[A-Z]")


def heading_level(line: str) -> int | None:
    """How deep a line stands as a heading (1 outermost), or None if it is none."""
    line = line.strip()
    if not line or len(line) > MAX_HEADING_CHARACTERS:
        return None
    return _han_level(line) or _western_level(line)


def _han_level(line: str) -> int | None:
    if len(line) > _MAX_HAN_HEADING or _HAN_SENTENCE.search(line):
        return None
    if (ordinal := _HAN_ORDINAL.match(line)) is not None:
        return _UNITS[ordinal[1]]
    if _HAN_ALONE.match(line):
        return 2
    return 4 if len(line) <= _MAX_HAN_WORDS_ALONE and _HAN_LISTED.match(line) else None


def _western_level(line: str) -> int | None:
    named = _NAMED.match(line)
    if named is not None and line[0].isupper() and not line.endswith((",", ";")):
        return None if "..." in line else _WORDS[named[1].lower()]
    if _UNLIKE_A_TITLE.search(line):
        return None
    if _PARAGRAPH_SIGN.match(line):
        return 3
    numbered = _NUMBERED.match(line)
    return numbered[1].count(".") + 2 if numbered is not None else None


PARSER = "kb text 1"

_INDENT = re.compile("\u3000|\t| {2,}")
_UNWRAPPED_LINE = 160
"""A line longer than this was not broken to fit a width, so each line is a paragraph."""


def read_text(source: BinaryIO, options: ReadOptions) -> Extraction:
    """The file as one page.

    Raises:
        UnreadableFile: no text, too long, or the encoding is unknown.
    """
    found = read_source(source, options)
    return found.as_page(text_blocks(1, found.text), PARSER, options)


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
