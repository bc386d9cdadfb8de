"""Cleaning rules: each yields the characters that it keeps out of `index_text`.

A rule never changes page text, so quotes stay original and a preview can colour what goes. Code
and tables are protected: their blanks mean something.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from ingest.types import Block, Removal
from kb.errors import Rejected
from kb.types import Page

__all__ = ["RULES", "Removal", "clean"]

Extent = tuple[int, int]
Rule = Callable[[str, Sequence[Extent]], Iterator[Extent]]

_BLANK = r"[ \t\u00a0\u2000-\u200a\u202f\u205f\u3000]"
# Line breaks and tabs stay, and so do the joiners U+200C and U+200D, which spell words.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u200b\u2060\ufeff]+")
_SPACES = re.compile(rf"\n(?:{_BLANK}*\n){{2,}}|{_BLANK}{{2,}}")
_HYPHEN = re.compile(rf"(?<=\w)[-\u2010]\n{_BLANK}*(?=\w)")


def control_characters(text: str, protected: Sequence[Extent]) -> Iterator[Extent]:
    """Control and invisible characters, soft hyphens, byte order marks."""
    yield from _outside(protected, (match.span() for match in _CONTROLS.finditer(text)))


def extra_spaces(text: str, protected: Sequence[Extent]) -> Iterator[Extent]:
    """All but one of several blanks (also U+3000), all but two of several line breaks."""
    yield from _outside(protected, (_surplus(match) for match in _SPACES.finditer(text)))


def hyphenation(text: str, protected: Sequence[Extent]) -> Iterator[Extent]:
    """The hyphen and line break inside a word that was broken between two small letters."""
    broken = (
        match.span()
        for match in _HYPHEN.finditer(text)
        if text[match.start() - 1].islower() and text[match.end()].islower()
    )
    yield from _outside(protected, broken)


RULES: dict[str, tuple[Rule, bool]] = {
    "control_characters": (control_characters, True),
    "hyphenation": (hyphenation, True),
    "extra_spaces": (extra_spaces, True),
}
"""Name → (rule, on by default). Where two rules meet, the first in this table wins."""


def clean(
    pages: Iterable[Page], blocks: Iterable[Block], rules: Mapping[str, bool]
) -> tuple[Removal, ...]:
    """What the chosen rules remove, in order and without overlaps.

    Args:
        pages: the document's pages.
        blocks: their blocks, for what is code or a table.
        rules: name → on or off; a rule that is not named keeps its default.

    Raises:
        Rejected: a rule name is unknown; the sentence lists the known ones.
    """
    chosen = _chosen(rules)
    protected: dict[int, list[Extent]] = {}
    for block in blocks:
        if block.kind in ("code", "table"):
            insort(protected.setdefault(block.page, []), (block.start, block.end))
    return tuple(
        removal
        for page in pages
        for removal in _clean_page(page, chosen, protected.get(page.number, []))
    )


def _chosen(rules: Mapping[str, bool]) -> dict[str, Rule]:
    unknown = sorted(set(rules) - set(RULES))
    if unknown:
        raise Rejected(
            f"Unknown cleaning rule {', '.join(unknown)}. Known are: {', '.join(RULES)}."
        )
    return {name: rule for name, (rule, default) in RULES.items() if rules.get(name, default)}


def _clean_page(page: Page, rules: Mapping[str, Rule], protected: list[Extent]) -> list[Removal]:
    taken: list[Removal] = []
    for name, rule in rules.items():
        starts = [removal.start for removal in taken]
        fresh = [
            Removal(name, page.number, start, end)
            for start, end in rule(page.text, protected)
            if not _meets(taken, starts, start, end)
        ]
        taken = sorted([*taken, *fresh], key=lambda removal: removal.start)
    return taken


def _meets(taken: list[Removal], starts: list[int], start: int, end: int) -> bool:
    before_end = bisect_left(starts, end)
    return before_end > 0 and taken[before_end - 1].end > start


def _surplus(match: re.Match[str]) -> Extent:
    if match[0].startswith("\n"):
        return match.start() + 1, match.end() - 1
    return match.start() + 1, match.end()


def _outside(protected: Sequence[Extent], found: Iterable[Extent]) -> Iterator[Extent]:
    ends = [end for _, end in protected]
    for start, end in found:
        at = bisect_right(ends, start)
        if at == len(protected) or protected[at][0] >= end:
            yield start, end
