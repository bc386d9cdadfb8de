"""A document's sections: stretches of text under one heading path, cut at page breaks.

No chunk crosses the end of a section. A section goes on over a page break only where a sentence
does. Readers see headings that stand alone in a line; the number of an article (`第三十三条 …`, `§
12 …`, `Article 5 …`, `Section 3.2`) stands before its text in the same line, and it is what people
ask for, so here it becomes a heading of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ingest.split.segments import Segment, TokenCounters, non_blank, segment
from kb.text.sentences import sentence_extents, trimmed
from kb.types import Block, Page, Span

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
"""Characters before a number in which the end of a sentence is looked for, blanks left out."""
_ENDS = frozenset(".。;；:：!！?？”’\"')）】>*_|-")


def with_articles(blocks: Iterable[Block], texts: Mapping[int, str]) -> Iterator[Block]:
    """The blocks, with the numbers of articles at the start of lines as headings.

    A line that goes on from an unfinished one is not a start: "as laid down in / Section 3.2".
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
    for first, last in non_blank(text, start, end):
        yield block._replace(start=first, end=last)


MAX_TITLE_CHARACTERS = 200
"""The heading path is cut to a third of a chunk anyway; this bounds what is shown and stored."""

_MARKS = re.compile(r"^#{1,6}\s+|\s+#+\s*$|\s*\{\s*#[^}]*\}\s*$")
_LINK = re.compile(r"\[([^\[\]]+)\]\([^()\s]*\)")
_UNDERLINE = re.compile(r"\n[ \t]*(?:=+|-+)[ \t]*$")
_GOES_ON_AFTER = ",，、-\u2010"
_PAGE_NUMBER = re.compile(r"\s*\n[ \t]*[-–—]?[ \t]*\d{1,4}[ \t]*[-–—]?$")
_MAX_TAIL = 2000
"""Characters at a page break in which its sentence is looked for; longer ones are not joined."""


@dataclass(slots=True)
class Section:
    """Segments in reading order under one heading path, outermost title first.

    Headings come first in a section; `heading_count` says how many of its segments they are.
    """

    heading_path: tuple[str, ...]
    segments: list[Segment] = field(default_factory=list)
    heading_count: int = 0

    @property
    def has_text(self) -> bool:
        """Whether anything stands below its headings."""
        return len(self.segments) > self.heading_count


def sections(
    pages: Sequence[Page], blocks: Iterable[Block], counters: TokenCounters
) -> Iterator[Section]:
    """The document's text as sections: each character that is not white space is in one of them."""
    texts = {page.number: page.text for page in pages}
    blocks = with_articles(covering(pages, blocks), texts)
    outline = Outline()
    section = Section(())
    for block in blocks:
        part = segment(Span(block.page, block.start, block.end), block.kind, counters)
        if block.kind == "heading":
            outline.enter(block, texts[block.page])
            segments = section.segments
            if section.has_text or (segments and segments[-1].page != block.page):
                yield section
                section = Section(())
            section.heading_path = outline.titles
            section.heading_count += 1
            section.segments.append(part)
            continue
        if section.has_text and section.segments[-1].last_page != block.page:
            joined = _over_page_break(section.segments[-1], part, counters)
            if joined:
                section.segments[-1:] = joined
                continue
            yield section
            section = Section(section.heading_path)
        section.segments.append(part)
    if section.segments:
        yield section


class Outline:
    """The headings above a place, as reading goes on."""

    def __init__(self) -> None:
        self._path: list[tuple[int, str]] = []

    def enter(self, heading: Block, text: str) -> None:
        """Go on to a heading of a page with this text: it ends those of its level and below."""
        self._path = [(level, title) for level, title in self._path if level < heading.level]
        self._path.append((heading.level, _title(text[heading.start : heading.end])))

    @property
    def titles(self) -> tuple[str, ...]:
        """The titles, outermost first."""
        return tuple(title for _, title in self._path if title)


def covering(pages: Sequence[Page], blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks trimmed and without overlaps, and the text between them as paragraphs."""
    by_page: dict[int, list[Block]] = {}
    for block in sorted(blocks, key=lambda block: (block.page, block.start, block.end)):
        by_page.setdefault(block.page, []).append(block)
    for page in pages:
        position = 0
        between = Block(page.number, 0, 0, "paragraph")
        for block in by_page.get(page.number, []):
            yield from _part(between, page.text, position, block.start)
            start, end = max(position, block.start), min(block.end, len(page.text))
            yield from _part(block, page.text, start, end)
            position = max(position, end)
        yield from _part(between, page.text, position, len(page.text))


def _title(text: str) -> str:
    title = _LINK.sub(r"\1", _MARKS.sub("", _UNDERLINE.sub("", text)))
    return " ".join(title.strip("*").split())[:MAX_TITLE_CHARACTERS]


def _over_page_break(before: Segment, after: Segment, counters: TokenCounters) -> list[Segment]:
    """Both segments with the sentence that runs over the page break as one segment between them.

    Empty if no sentence does: the first page ends with a full stop, or the next one begins like
    a new sentence.
    """
    if after.page != before.last_page + 1 or {before.kind, after.kind} != {"paragraph"}:
        return []
    tail, head = before.spans[-1], after.spans[0]
    tail_text = counters[tail.page].text[max(tail.start, tail.end - _MAX_TAIL) : tail.end]
    head_text = counters[head.page].text[head.start : min(head.end, head.start + _MAX_TAIL)]
    last_words = _PAGE_NUMBER.sub("", tail_text)
    if len(before.spans) > 1 or not _goes_on(last_words[-1:], head_text[0]):
        return []
    begin = tail.end - len(tail_text) + sentence_extents(tail_text)[-1][0]
    stop = head.start + sentence_extents(head_text)[0][1]
    middle = (Span(tail.page, begin, tail.end), Span(head.page, head.start, stop))
    tokens = sum(counters[span.page].count(span.start, span.end) for span in middle)
    rest_before = _rest(tail.page, tail.start, begin, counters)
    rest_after = _rest(head.page, stop, head.end, counters)
    return [*rest_before, Segment(middle, "paragraph", tokens), *rest_after]


def _goes_on(last: str, first: str) -> bool:
    """Whether a sentence goes on from one character to the next: a letter or comma, then a letter
    that is not a capital."""
    open_ended = last.isalpha() or (last != "" and last in _GOES_ON_AFTER)
    return open_ended and first.isalpha() and not first.isupper()


def _rest(page: int, start: int, end: int, counters: TokenCounters) -> Iterator[Segment]:
    for extent in non_blank(counters[page].text, start, end):
        yield segment(Span(page, *extent), "paragraph", counters)
