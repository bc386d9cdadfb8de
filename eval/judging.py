"""Which relevant parts a hit holds. Everything that is measured of a search rests on this rule.

A hit holds a part of a document if the two share at least half of the shorter one: an answer of
three words must stand in the hit for the most part, and of a long passage a chunk may be one half.
A hit holds a relevant document if it comes from it.
"""

from __future__ import annotations

from collections.abc import Sequence

from eval.types import Found, Question, Relevant
from kb.types import Span

SHARED = 0.5


def ranking(question: Question, hits: Sequence[Found]) -> list[frozenset[int]]:
    """For each hit, best first, the numbers of the question's relevant parts that it holds.

    Args:
        question: with `relevant` parts; their place in it is their number.
        hits: what was found. One without spans holds whole documents only.
    """
    return [
        frozenset(number for number, part in enumerate(question.relevant) if holds(hit, part))
        for hit in hits
    ]


def holds(hit: Found, part: Relevant) -> bool:
    """Whether a hit holds a relevant part."""
    if hit.document != part.document:
        return False
    if part.start is None or part.end is None:
        return True
    return shares(hit.spans, part.page, part.start, part.end)


def shares(spans: Sequence[Span], page: int, start: int, end: int) -> bool:
    """Whether spans and the characters start…end of a page share half of the shorter one."""
    common = sum(
        max(0, min(span.end, end) - max(span.start, start)) for span in spans if span.page == page
    )
    length = min(end - start, sum(span.end - span.start for span in spans))
    return common > 0 and common >= SHARED * length
