"""Passages that say the same: only the best of them is worth a place among the hits.

The same text comes twice where a file was uploaded under two names, or a notice stands in every
report. Two passages are duplicates if nearly all of their terms are the same and all of their
numbers: reports of two quarters read alike and differ in nothing but the figures.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kb.search.ranked import Ranked
from kb.types import Considered

ALIKE = 0.9
"""Share of the terms of both together that stand in both (Jaccard)."""

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True, slots=True)
class _Content:
    terms: frozenset[str]
    numbers: frozenset[str]

    def says(self, other: _Content) -> bool:
        """Whether both say the same; the sizes alone rule most pairs out."""
        fewer, more = sorted((len(self.terms), len(other.terms)))
        if fewer < ALIKE * more or self.numbers != other.numbers:
            return False
        both = len(self.terms & other.terms)
        return both >= ALIKE * (fewer + more - both)


def without_duplicates(
    ranked: Sequence[Ranked], words: Mapping[str, Sequence[str]]
) -> tuple[list[Ranked], list[Considered]]:
    """The first of each group of duplicates, in order, and those that are left out.

    Args:
        words: chunk id → its terms; a candidate without is like no other.
    """
    kept: list[Ranked] = []
    contents: list[_Content] = []
    left_out: list[Considered] = []
    for item in ranked:
        if item.chunk_id not in words:
            kept.append(item)
            contents.append(_UNLIKE)
            continue
        content = _content(item, words[item.chunk_id])
        same = next((n for n, known in enumerate(contents) if known.says(content)), None)
        if same is None:
            kept.append(item)
            contents.append(content)
        else:
            left_out.append(item.dropped(f"duplicate of {kept[same].chunk_id}"))
    return kept, left_out


def _content(item: Ranked, words: Sequence[str]) -> _Content:
    return _Content(frozenset(words), frozenset(_NUMBER.findall(item.found.chunk.index_text)))


_UNLIKE = _Content(frozenset(), frozenset([""]))
