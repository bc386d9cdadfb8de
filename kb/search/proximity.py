"""How well the words of a question stand together in a passage: the reranker that needs no model.

BM25 counts words wherever they stand; an answer usually has them side by side. So the passages
that the fusion put first are read again: what share of the question stands in their best few lines.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from kb.protocols import Frequencies

WINDOW = 24
"""Terms that the best place may span: a sentence or two. Recall@1 on SQuAD dev / JSQuAD / CMRC for
12, 24, 48: 0.890 0.907 0.847, 0.890 0.907 0.847, 0.880 0.903 0.847, without 0.873 0.897 0.847."""


@dataclass(frozen=True, slots=True)
class Nearness:
    """Shares (0..1) of a question, by weight of its terms, that a passage holds.

    `window` is in its best place, `pairs` is that of neighbouring terms of the question that are
    neighbours there, too. `strength` is the passage's BM25 by the same weights: 1 if it is of usual
    length and holds each term once, more where terms are repeated.
    """

    window: float
    pairs: float
    strength: float


NOTHING_NEAR = Nearness(0.0, 0.0, 0.0)

SATURATION, LENGTH_SHARE = 1.2, 0.75
"""BM25's k1 and b, as tantivy has them."""

LEAST_CHUNKS = 1000
"""Smaller collections are taken for this large: in three chunks every word is common, and whatever
they lack would weigh more than all they hold."""


def nearness(telling: Mapping[str, float], passages: Sequence[Sequence[str]]) -> list[Nearness]:
    """How the terms of a question stand in each of some passages.

    Args:
        telling: the terms of the question in their order, each with its weight times its inverse
            document frequency. A term that the documents do not hold counts, too: that is how a
            question is known to which nothing fits.
        passages: their terms, in order.

    Source:
        Term proximity as in Büttcher, Clarke and Lushman, "Term Proximity Scoring for Ad-Hoc
        Retrieval on Very Large Text Collections", SIGIR 2006, here by the best window; pairs as the
        ordered part of Metzler and Croft's "A Markov Random Field Model for Term Dependencies",
        SIGIR 2005.
    """
    pairs = {pair: telling[pair[0]] + telling[pair[1]] for pair in pairwise(telling)}
    usual = sum(map(len, passages)) / max(1, len(passages))
    return [
        _nearness(
            [(at, t) for at, t in enumerate(words) if t in telling],
            telling,
            pairs,
            length=len(words) / usual if usual else 1.0,
        )
        for words in passages
    ]


def telling(
    weights: Mapping[str, float], frequencies: Frequencies, *, least_chunks: int = LEAST_CHUNKS
) -> dict[str, float]:
    """Term → weight times inverse document frequency, as BM25 counts it.

    Source:
        The smoothed Robertson-Spärck Jones weight of Lucene and tantivy:
        ln(1 + (N - n + 0.5) / (n + 0.5)).
    """
    chunks = max(frequencies.chunks, least_chunks)
    found = {}
    for term, weight in weights.items():
        held = min(frequencies.holding.get(term, 0), chunks)
        found[term] = weight * math.log(1 + (chunks - held + 0.5) / (held + 0.5))
    return found


def _nearness(
    found: Sequence[tuple[int, str]],
    telling: Mapping[str, float],
    pairs: Mapping[tuple[str, str], float],
    *,
    length: float,
) -> Nearness:
    whole = sum(telling.values())
    if not found or whole <= 0:
        return NOTHING_NEAR
    together = {(a, b) for (at, a), (after, b) in pairwise(found) if after == at + 1}
    of_pairs = sum(pairs.values())
    paired = sum(pairs[pair] for pair in together if pair in pairs) / of_pairs if of_pairs else 0.0
    damping = SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * length)
    counts = Counter(term for _, term in found)
    bm25 = sum(telling[t] * n * (SATURATION + 1) / (n + damping) for t, n in counts.items())
    return Nearness(_best_window(found, telling) / whole, paired, bm25 / whole)


def _best_window(found: Sequence[tuple[int, str]], telling: Mapping[str, float]) -> float:
    inside: Counter[str] = Counter()
    best = weight = 0.0
    first = 0
    for at, term in found:
        if not inside[term]:
            weight += telling[term]
        inside[term] += 1
        while at - found[first][0] > WINDOW:
            gone = found[first][1]
            inside[gone] -= 1
            if not inside[gone]:
                weight -= telling[gone]
            first += 1
        best = max(best, weight)
    return best
