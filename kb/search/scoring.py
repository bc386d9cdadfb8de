"""What a passage's words say about a question, and what that makes its score mean.

BM25 counts words wherever they stand; an answer usually has them side by side. So the passages
that the fusion put first are reranked without a model: what share of the question stands in their
best few lines.

The fused score ranks the candidates of one question and says nothing about whether any is good:
the best of bad ones gets the most, too. So the first hit's score is an estimate from what can be
compared between questions, the chance that the first hits answer it, and those below keep their
distance to it: score = chance · ranking score / ranking score of the first.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from kb.protocols import CALIBRATION, Calibration, Frequencies
from kb.types import Retrieval

WINDOW = 24
"""Terms that the best place may span: a sentence or two. Recall@1 on SQuAD dev / JSQuAD / CMRC for
12, 24, 48: 0.890 0.907 0.847, 0.890 0.907 0.847, 0.880 0.903 0.847, without 0.873 0.897 0.847."""


@dataclass(frozen=True, slots=True)
class Proximity:
    """Shares (0..1) of a question, by weight of its terms, that a passage holds.

    `window` is in its best place, `pairs` is that of neighbouring terms of the question that are
    neighbours there, too. `bm25` is the passage's score by the same weights: 1 if it is of usual
    length and holds each term once, more where terms are repeated.
    """

    window: float
    pairs: float
    bm25: float


NO_PROXIMITY = Proximity(0.0, 0.0, 0.0)

SATURATION, LENGTH_SHARE = 1.2, 0.75
"""BM25's k1 and b, as tantivy has them."""

LEAST_CHUNKS = 1000
"""Smaller collections are taken for this large: in three chunks every word is common, and whatever
they lack would weigh more than all they hold."""


def proximities(weights: Mapping[str, float], passages: Sequence[Sequence[str]]) -> list[Proximity]:
    """How the terms of a question stand in each of some passages.

    Args:
        weights: the terms of the question in their order, each with its weight times its inverse
            document frequency. A term that the documents do not hold counts, too: that is how a
            question is known to which nothing fits.
        passages: their terms, in order.

    Source:
        Term proximity as in Büttcher, Clarke and Lushman, "Term Proximity Scoring for Ad-Hoc
        Retrieval on Very Large Text Collections", SIGIR 2006, here by the best window; pairs as the
        ordered part of Metzler and Croft's "A Markov Random Field Model for Term Dependencies",
        SIGIR 2005.
    """
    pairs = {pair: weights[pair[0]] + weights[pair[1]] for pair in pairwise(weights)}
    usual = sum(map(len, passages)) / max(1, len(passages))
    return [
        _proximity(
            [(at, t) for at, t in enumerate(words) if t in weights],
            weights,
            pairs,
            length=len(words) / usual if usual else 1.0,
        )
        for words in passages
    ]


def term_weights(
    weights: Mapping[str, float],
    frequencies: Frequencies,
    optional: frozenset[str] = frozenset(),
    *,
    least_chunks: int = LEAST_CHUNKS,
) -> dict[str, float]:
    """Term → weight times inverse document frequency, as BM25 counts it.

    Args:
        optional: terms that are left out where no chunk holds them.

    Source:
        The smoothed Robertson-Spärck Jones weight of Lucene and tantivy:
        ln(1 + (N - n + 0.5) / (n + 0.5)).
    """
    chunks = max(frequencies.chunks, least_chunks)
    found = {}
    for term, weight in weights.items():
        held = min(frequencies.holding.get(term, 0), chunks)
        if not held and term in optional:
            continue
        found[term] = weight * math.log(1 + (chunks - held + 0.5) / (held + 0.5))
    return found


def _proximity(
    found: Sequence[tuple[int, str]],
    weights: Mapping[str, float],
    pairs: Mapping[tuple[str, str], float],
    *,
    length: float,
) -> Proximity:
    whole = sum(weights.values())
    if not found or whole <= 0:
        return NO_PROXIMITY
    together = {(a, b) for (at, a), (after, b) in pairwise(found) if after == at + 1}
    of_pairs = sum(pairs.values())
    paired = sum(pairs[pair] for pair in together if pair in pairs) / of_pairs if of_pairs else 0.0
    damping = SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * length)
    counts = Counter(term for _, term in found)
    bm25 = sum(weights[t] * n * (SATURATION + 1) / (n + damping) for t, n in counts.items())
    return Proximity(_best_window(found, weights) / whole, paired, bm25 / whole)


def _best_window(found: Sequence[tuple[int, str]], weights: Mapping[str, float]) -> float:
    inside: Counter[str] = Counter()
    best = weight = 0.0
    first = 0
    for at, term in found:
        if not inside[term]:
            weight += weights[term]
        inside[term] += 1
        while at - found[first][0] > WINDOW:
            gone = found[first][1]
            inside[gone] -= 1
            if not inside[gone]:
                weight -= weights[gone]
            first += 1
        best = max(best, weight)
    return best


WEAK_SCORE = 0.15
"""Score of the best hit below which a question counts as refused, where nothing else is set."""

SURE_SCORE = 0.65
"""Score of the best hit from which on an answer counts as grounded, where nothing else is set.

`bench.answers` (chosen on its first set, reported on the second) and the curve in
docs/benchmarks.md: what is between the two is shown as the closest passage.
"""

Verdict = Literal["answered", "weak", "refused"]


def judged(best_score: float, retrieval: Retrieval) -> Verdict:
    """What the score of the best hit makes of a question, by the thresholds of a profile."""
    least = retrieval.min_score or WEAK_SCORE
    if best_score < least:
        return "refused"
    return "answered" if best_score >= (retrieval.sure_score or max(SURE_SCORE, least)) else "weak"


LEADERS = 3
"""First candidates whose best values count: an answer that is second is found, too."""

MOST_BM25 = 2.0

LEAST_CHANCE = 0.01
"""Score of what shares any word with the question: a profile that refuses below it refuses only
where nothing is found."""

LEAST_MEANING = 0.4
"""Cosine below which a passage that shares no word with the question is hardly near it."""


@dataclass(frozen=True, slots=True)
class Signals:
    """The best among the first hits, in units that do not depend on the question.

    Attributes:
        bm25, window, pairs: the best `Proximity`.
        meaning: `on_scale` the best cosine, times how far the embedder knows the language.
        lead: how far that cosine is above the background, the mean of other candidates. Cosines
            differ between languages, their distance does less.
        across: the best cosine of what the question says alone (`kb/search/across.py`), where the
            first hit is in another language.
        identifier: 1 if one of them holds an identifier that is asked for.
        unknown: share of the question, by weight, that no document holds (`kb/search/asked.py`).
    """

    bm25: float
    window: float
    pairs: float
    meaning: float
    identifier: float = 0.0
    unknown: float = 0.0
    lead: float = 0.0
    across: float | None = None


MOST_MEANING = 1.5
"""A cosine beyond `near` is worth no more than half again."""

BACKGROUND = slice(LEADERS, 40)
"""Candidates by cosine whose mean is the background."""


def background(cosines: Collection[float]) -> float | None:
    """The mean cosine of candidates behind the first; None if there are no others."""
    others = sorted(cosines, reverse=True)[BACKGROUND]
    return sum(others) / len(others) if others else None


def on_scale(cosine: float, known: Calibration, language: str | None = None) -> float:
    """A cosine on its model's own scale, that of a language if question and passage share it."""
    far = known.far + known.shifts.get(language or "", 0.0)
    return min(MOST_MEANING, max(0.0, (cosine - far) / (known.near - known.far)))


def chance(signals: Signals, known: Calibration = CALIBRATION) -> float:
    """How likely the question is answered by what was found (0..1).

    Where question and hits share no word, it is `meaning` itself for an embedder without `alone`:
    cosines of models differ too much to be worth more than that.
    """
    if known.alone is None and not signals.bm25:
        meaning = min(1.0, max(0.0, signals.meaning))
        return meaning if meaning >= LEAST_MEANING else meaning**2
    value = (
        known.base
        + known.bm25 * min(signals.bm25, MOST_BM25)
        + known.window * signals.window
        + known.pairs * signals.pairs
        + known.meaning * signals.meaning
        + known.lead * signals.lead
        + known.identifier * signals.identifier
        + known.unknown * signals.unknown
    )
    if known.alone is not None and signals.across is not None:
        base, weight = known.alone
        value = max(value, base + weight * signals.across)
    return max(LEAST_CHANCE, 1 / (1 + math.exp(-value)))
