"""Numbered articles of laws and contracts: `第三十三条 …`, `§ 12 …`, `Article 5 …`, `Section 3.2`.

Readers see headings that stand alone in a line. An article's number stands before its text in the
same line, and it is what people ask for, so here it becomes a heading of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from ingest.types import Block
from kb.text.sentences import trimmed

LEVEL = 7
"""Deeper than any heading of a reader: an article ends with the next one or with its section."""

_HAN_NUMBER = "[零〇一二三四五六七八九十百千两0-9０-９]{1,9}"
_BOLD = r"(?:\*\*|__)?"
_LABEL = re.compile(
    rf"^[ \t\u3000]*{_BOLD}(?:"
    rf"第{_HAN_NUMBER}[条條](?:之[一二三四五六七八九十]{{1,3}})?"
    rf"(?:[ \u3000]?【[^】\n]{{1,30}}】{_BOLD}|(?:[ \u3000]?[（(][^）)\n]{{1,30}}[）)])?"
    rf"{_BOLD}(?=[ \t\u3000]|$))|"
    r"(?:(?:Article|ARTICLE|Section|SECTION|Clause|CLAUSE|Rule|RULE)[ \u00a0]+\d{1,4}"
    r"(?:\.\d{1,4}){0,4}[A-Z]?|§{1,2}[ \u00a0]?\d{1,4}[a-z]?(?:[.-]\d{1,4}){0,3})"
    rf"[.:]?{_BOLD}(?=[ \t\u00a0]+[\"'“‘(\[*_]{{0,3}}[A-ZÀ-ÖØ-Þ]|[ \t\u00a0]+\(|[ \t]*$)"
    r")",
    re.MULTILINE,
)
_MAY_HOLD = re.compile("[条條§]|(?i:article|section|clause|rule)[ \u00a0]")
_LOOK_BACK = 40
_ENDS = frozenset(".。;；:：!！?？”’\"')）】>*_|-")


def with_articles(blocks: Iterable[Block], texts: Mapping[int, str]) -> Iterator[Block]:
    """The blocks, with the numbers of articles at the start of lines as headings.

    A line that goes on from an unfinished one is no start: "as laid down in / Section 3.2".
    """
    for block in blocks:
        text = texts[block.page]
        if block.kind != "paragraph" or not _MAY_HOLD.search(text, block.start, block.end):
            yield block
            continue
        position = block.start
        for match in _LABEL.finditer(text, block.start, block.end):
            if not _begins(text, block.start, match.start()):
                continue
            yield from _part(block, text, position, match.start())
            start, end = trimmed(text, *match.span())
            yield Block(block.page, start, end, "heading", LEVEL)
            position = match.end()
        yield from _part(block, text, position, block.end)


def _begins(text: str, block_start: int, position: int) -> bool:
    before = text[max(block_start, position - _LOOK_BACK) : position].rstrip()
    return not before or before[-1] in _ENDS


def _part(block: Block, text: str, start: int, end: int) -> Iterator[Block]:
    first, last = trimmed(text, start, end) if end > start else (start, start)
    if last > first:
        yield replace(block, start=first, end=last)
