"""What a score means: the chance that the first hits answer the question.

The fused score ranks the candidates of one question and says nothing about whether any is good:
the best of bad ones gets the most, too. So the first hit's score is an estimate from what can be
compared between questions, and those below keep their distance to it:
score = chance · ranking score / ranking score of the first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

LEAST_SCORE = 0.4
"""Score of the best hit below which a question counts as not answered, where nothing else is set:
what the extractive answerer refuses at, and an app with a refusal. See the figures below."""

LEADERS = 3
"""First candidates whose best values count: an answer that is second is found, too."""

# Logistic regression on 300 questions each of SQuAD dev, CMRC 2018 and JSQuAD, asked of one half of
# the set's documents and of the other. Fitted on two of the sets and tried on the third, a
# threshold of 0.4 refuses 0.90, 0.95 and 0.98 of the questions whose article is not there and
# answers 0.91, 0.94 and 0.93 of the others (area under the curve 0.97, 0.98, 0.99).
_BASE = -4.74
_STRENGTH = 4.95
_WINDOW = 2.44
_PAIRS = 3.11
_MEANING = 1.13


@dataclass(frozen=True, slots=True)
class Evidence:
    """The best among the first hits, in units that do not depend on the question.

    Attributes:
        strength, window, pairs: `kb.search.proximity.Nearness`.
        meaning: cosine times how far the embedder knows the language.
    """

    strength: float
    window: float
    pairs: float
    meaning: float


def chance(evidence: Evidence) -> float:
    """How likely the question is answered by what was found (0..1).

    Where question and hits share no word, as across languages, it is `meaning` itself: the cosines
    of models differ too much to be worth more than that.
    """
    if not evidence.strength:
        return min(1.0, max(0.0, evidence.meaning))
    value = (
        _BASE
        + _STRENGTH * evidence.strength
        + _WINDOW * evidence.window
        + _PAIRS * evidence.pairs
        + _MEANING * evidence.meaning
    )
    return 1 / (1 + math.exp(-value))
