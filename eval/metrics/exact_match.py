"""Exact match: the answer says what a right answer says, no more and no less."""

from __future__ import annotations

from collections.abc import Sequence

from eval.metrics.words import answer_units


def exact_match(answer: str, golds: Sequence[str]) -> float:
    """1 if the answer equals one of the right ones after normalisation, else 0.

    Without right answers the question has none: then only an empty answer matches.

    Source:
        Rajpurkar et al., "SQuAD", EMNLP 2016; normalisation in `eval.metrics.words`.
    """
    units = answer_units(answer)
    return float(any(units == answer_units(gold) for gold in golds or ("",)))
