"""Rules on single characters and white space. Code and tables are left alone: blanks mean
something there, and so do indents and aligned columns of plain text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ingest.clean.page_layout import PageLayout, outside
from kb.types import Extent

_BLANK = r"[ \t\u00a0\u2000-\u200a\u202f\u205f\u3000]"
# Line breaks and tabs stay, and so do the joiners U+200C and U+200D, which spell words.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u200b\u2060\ufeff]+")
_SPACES = re.compile(rf"\n(?:{_BLANK}*\n){{2,}}|{_BLANK}{{2,}}")
_WORD = re.compile(r"\S+")
_HYPHEN = re.compile(rf"(?<=\w)[-\u2010]\n{_BLANK}*(?=\w)")


def control_characters(layout: PageLayout) -> Iterator[Extent]:
    """Control and invisible characters, soft hyphens, byte order marks."""
    yield from outside(layout.fixed, (match.span() for match in _CONTROLS.finditer(layout.text)))


def hyphenation(layout: PageLayout) -> Iterator[Extent]:
    """The hyphen and line break inside a word that was broken between two small letters."""
    text = layout.text
    broken = (
        match.span()
        for match in _HYPHEN.finditer(text)
        if text[match.start() - 1].islower() and text[match.end()].islower()
    )
    yield from outside(layout.fixed, broken)


def extra_spaces(layout: PageLayout) -> Iterator[Extent]:
    """All but one of several blanks (also U+3000) within a line, all but two of several line
    breaks. Indents stay, and blanks between columns that are aligned with those of a line next to
    it."""
    text = layout.text
    runs = list(outside(layout.fixed, (match.span() for match in _SPACES.finditer(text))))
    columns = _columns(text, runs)
    for line_start, start, end in _in_lines(text, runs):
        if text[start] == "\n":
            yield start + 1, end - 1
        elif start > line_start and not _is_column(text, line_start, end, columns):
            yield start + 1, end


Columns = dict[int, tuple[int, int, frozenset[int]]]
"""Start of a line → starts of those around it, and the columns where its cells begin and end."""


def _is_column(text: str, line_start: int, end: int, columns: Columns) -> bool:
    if text[end : end + 1] in ("", "\n"):
        return False
    *around, _ = columns[line_start]
    edges = _edges(text, line_start, end)
    return any(not edges.isdisjoint(columns[at][2]) for at in around if at in columns)


def _columns(text: str, runs: Sequence[Extent]) -> Columns:
    found: dict[int, set[int]] = {}
    for line_start, start, end in _in_lines(text, runs):
        if text[start] != "\n" and text[end : end + 1] not in ("", "\n"):
            found.setdefault(line_start, set()).update(_edges(text, line_start, end))
    return {
        line_start: (_line_above(text, line_start), _next_line(text, line_start), frozenset(edges))
        for line_start, edges in found.items()
    }


def _in_lines(text: str, runs: Sequence[Extent]) -> Iterator[tuple[int, int, int]]:
    """The extents, which are in order, each behind the start of its line."""
    line_start = position = 0
    for start, end in runs:
        line_start = (text.rfind("\n", position, start) + 1) or line_start
        position = start
        yield line_start, start, end


def _edges(text: str, line_start: int, cell: int) -> set[int]:
    """Where the first word of a cell begins, and minus where it ends: columns are aligned by
    either."""
    word = _WORD.match(text, cell)
    return {cell - line_start, line_start - (word.end() if word else cell)}


def _line_above(text: str, line_start: int) -> int:
    return text.rfind("\n", 0, line_start - 1) + 1 if line_start else -1


def _next_line(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end + 1
