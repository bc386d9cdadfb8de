"""Citation precision and recall: do citations rest on the right passage, and is all cited?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CitationScores:
    """Shares from 0 to 1. Nothing cited and nothing to cite is right: both are 1 then."""

    precision: float
    recall: float


def citation_scores(cited: Sequence[Collection[int]], relevant: int) -> CitationScores:
    """Precision: citations that rest on a relevant part; recall: relevant parts that are cited.

    Args:
        cited: for each citation of an answer, the relevant parts that its quote stands in.
        relevant: how many relevant parts there are; 0 if the documents do not answer.

    Source:
        Citation precision and recall as in Gao et al., "Enabling Large Language Models to Generate
        Text with Citations" (ALCE), EMNLP 2023, judged by known passages instead of a model.
    """
    if not cited:
        return CitationScores(precision=float(relevant == 0), recall=float(relevant == 0))
    good = sum(1 for parts in cited if parts)
    found = {part for parts in cited for part in parts}
    recall = len(found) / relevant if relevant else 1.0
    return CitationScores(precision=good / len(cited), recall=recall)
