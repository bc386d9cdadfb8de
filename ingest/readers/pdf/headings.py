"""Which paragraphs of a PDF are headings, told from its outline, the size and weight of letters,
and numbers; and how deep they stand.

The styles of a document are compared with each other: text is what most characters are set in, and
what is larger, or bold where text is not, stands above it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from ingest.readers.pdf.layout import Element, Paragraph
from ingest.readers.plain.text import heading_level

ElementIndex = tuple[int, int]
"""Index of a page, and of an element on it."""
Style = tuple[float, int, int]
"""Size and weight, the larger the sign of which is turned, and depth of the number in front."""

_LARGER = 1.07
"""Of the size of the text: 1.01 changes nothing in `bench.pdf`, 1.3 costs 4 % of the headings."""
_MOST_LINES = 3
_MOST_BOLD = 0.4
_FEWEST_REPEATS = 3
_MOST_LEVELS = 6
_NUMBER = re.compile(r"(?:(?:§|Art\.|[A-Z]\.)?\s?)(\d{1,3}(?:\.\d{1,3})*)\.?\)?\s")
_CHAPTER = re.compile(r"(\d{1,3})\.?\s+[^\W\d_a-z][^.,;:?!]*$")
_SHORT = 80
_SENTENCE_END = re.compile(r"[,;。；，、]$|[^.]\.$")
_LETTER = re.compile(r"[^\W\d_]")


def headings(
    pages: Sequence[Sequence[Element]], outline: Iterable[tuple[int, int, str]]
) -> dict[ElementIndex, int]:
    """The level (1 outermost) of each paragraph that is a heading.

    Args:
        pages: what stands on them.
        outline: level from 0, index of the page and title of each entry.
    """
    body, body_bold = _body_style(pages)
    listed = _listed(pages, outline)
    running = _running(pages, body)
    found = {
        (number, index): element
        for number, page in enumerate(pages)
        for index, element in enumerate(page)
        if isinstance(element, Paragraph)
        and ((number, index) in listed or _repeated(element, body) not in running)
    }
    numbered = _numbered(found)
    styles = {
        place: _style(one)
        for place, one in found.items()
        if place in listed or place in numbered or _stands_out(one, body, body_bold)
    }
    return _levels(styles, listed)


def _numbered(found: Mapping[ElementIndex, Paragraph]) -> set[ElementIndex]:
    """Lines by themselves that begin with a number of several parts, and those that begin with
    the first part of one."""
    lines = {place: one for place, one in found.items() if len(one.lines) == 1}
    deep = {place: number for place, one in lines.items() if (number := _deep_number(one))}
    chapters = {number.partition(".")[0] for number in deep.values()}
    above = {
        place
        for place, one in lines.items()
        if (match := _CHAPTER.match(one.text)) and match[1] in chapters and len(one.text) < _SHORT
    }
    return {*deep, *above}


def _deep_number(one: Paragraph) -> str:
    match = _NUMBER.match(one.text) if heading_level(one.text) else None
    return match[1] if match is not None and "." in match[1] else ""


def _body_style(pages: Iterable[Iterable[Element]]) -> tuple[float, bool]:
    """The size of most characters, and whether so many are bold that this tells nothing."""
    sizes: Counter[float] = Counter()
    bold = 0
    for page in pages:
        for element in page:
            for line in element.lines if isinstance(element, Paragraph) else ():
                sizes[_rounded(line.size)] += len(line.text)
                bold += len(line.text) if line.bold else 0
    body = sizes.most_common(1)[0][0] if sizes else 0.0
    return body, bold > _MOST_BOLD * sizes.total()


def _stands_out(paragraph: Paragraph, body: float, body_bold: bool) -> bool:
    text, line = paragraph.text, paragraph.lines[0]
    if len(paragraph.lines) > _MOST_LINES or not _LETTER.search(text) or not line.size:
        return False
    is_bold = line.bold and not body_bold and line.size >= body - 1
    return (line.size > _LARGER * body or is_bold) and not _SENTENCE_END.search(text)


def _style(paragraph: Paragraph) -> Style:
    line = paragraph.lines[0]
    number = _NUMBER.match(paragraph.text)
    depth = number[1].removesuffix(".0").count(".") if number is not None else 0
    return -_rounded(line.size), -int(line.bold), depth


def _rounded(size: float) -> float:
    return round(size * 2) / 2


def _levels(
    styles: Mapping[ElementIndex, Style], listed: Mapping[ElementIndex, int]
) -> dict[ElementIndex, int]:
    """By the outline where that names one of the same style, else by the order of styles."""
    votes: dict[Style, Counter[int]] = defaultdict(Counter)
    for place, level in listed.items():
        votes[styles[place]][level] += 1
    known = {style: count.most_common(1)[0][0] for style, count in votes.items()}
    level = 0
    for style in sorted(set(styles.values())):
        level = known[style] if style in known else min(level + 1, _MOST_LEVELS)
        known[style] = level
    return {place: listed.get(place, known[style]) for place, style in styles.items()}


def _listed(
    pages: Sequence[Sequence[Element]], outline: Iterable[tuple[int, int, str]]
) -> dict[ElementIndex, int]:
    """Paragraphs that the outline names."""
    by_page: dict[int, dict[str, int]] = defaultdict(dict)
    for level, page, title in outline:
        if _key(title):
            by_page[page].setdefault(_key(title), min(level + 1, _MOST_LEVELS))
    found: dict[ElementIndex, int] = {}
    for number, titles in by_page.items():
        if 0 <= number < len(pages):
            for index, element in enumerate(pages[number]):
                if isinstance(element, Paragraph) and _key(element.text) in titles:
                    found[number, index] = titles[_key(element.text)]
    return found


def _running(pages: Sequence[Sequence[Element]], body: float) -> set[str]:
    """First and last lines that several pages share: running heads and feet."""
    counts: Counter[str] = Counter()
    for page in pages:
        edges = [element for element in (*page[:2], *page[-2:]) if isinstance(element, Paragraph)]
        counts.update({_repeated(element, body) for element in edges})
    return {key for key, count in counts.items() if count >= _FEWEST_REPEATS}


def _repeated(paragraph: Paragraph, body: float) -> str:
    """What is the same on each page; "Chapter 1" and "Chapter 2" in large letters are not."""
    is_large = paragraph.lines[0].size > _LARGER * body
    return paragraph.text if is_large else _key(paragraph.text)


def _key(text: str) -> str:
    """A title without its number, blanks and signs."""
    return "".join(sign for sign in text.casefold() if sign.isalpha())
