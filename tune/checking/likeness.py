"""Questions that are the same, or nearly: by the character trigrams that they share."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

from kb.store.apps.fixed_answers import wording
from tune.types import TrainingRow

SHORT_TRIGRAMS = 14
NEAR, NEAR_SHORT = 0.7, 0.55
"""Share of trigrams (Jaccard) from which two questions are near; short ones need less. Set by hand:
of short Chinese questions with one character changed or added they find more than three in four
(`tests/tune/checking/test_splitting.py`)."""

MOST_HOLDERS = 50
"""Questions remembered for one trigram. What stands in more of them tells none apart, and makes
20,000 questions from one template take a minute in place of seven seconds."""


def asked(row: TrainingRow) -> str:
    """What the user says in a row. The system's text is left out: it makes all rows alike."""
    return "\n".join(turn.content for turn in row.messages if turn.role == "user")


def near_pairs(texts: Sequence[str], *, known: int | None = None) -> list[tuple[int, int, float]]:
    """(earlier, later, likeness) of all texts that are near to each other, or the same.

    Args:
        known: the later ones are looked for among so many first texts alone.

    Only the rarest trigrams of a text are looked up: two that are near share one of them.

    Source:
        Chaudhuri, Ganti and Kaushik, "A Primitive Operator for Similarity Joins in Data Cleaning",
        ICDE 2006 (prefix filter).
    """
    trigrams = [_trigrams(text) for text in texts]
    counts = Counter(gram for each in trigrams for gram in each)
    holders: dict[str, list[int]] = defaultdict(list)
    found: list[tuple[int, int, float]] = []
    for number, own in enumerate(trigrams):
        rarest = sorted(own, key=lambda gram: (counts[gram], gram))
        rarest = rarest[: len(own) - math.ceil(_threshold(own) * len(own)) + 1]
        others = {other for gram in rarest for other in holders[gram]}
        for other in others:
            likeness = _jaccard(own, trigrams[other])
            if likeness >= max(_threshold(own), _threshold(trigrams[other])):
                found.append((other, number, likeness))
        for gram in rarest if known is None or number < known else ():
            if len(holders[gram]) < MOST_HOLDERS:
                holders[gram].append(number)
    return found


def _trigrams(text: str) -> frozenset[str]:
    plain = wording(text)
    return frozenset(plain[i : i + 3] for i in range(max(1, len(plain) - 2)))


def _threshold(trigrams: frozenset[str]) -> float:
    return NEAR_SHORT if len(trigrams) <= SHORT_TRIGRAMS else NEAR


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)
