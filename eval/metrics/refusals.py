"""Refusal precision and recall: is "not in the documents" said when it is so, and only then?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RefusalScores:
    """Shares from 0 to 1; None where nothing can be said (nothing refused, nothing to refuse).

    `answered` is the share of the answerable questions that were not refused.
    """

    precision: float | None
    recall: float | None
    answered: float | None


def refusal_scores(refused: Sequence[bool], answerable: Sequence[bool]) -> RefusalScores:
    """Precision: refusals that were right; recall: unanswerable questions that were refused.

    Args:
        refused: per question, whether an answer was refused.
        answerable: per question, whether the documents answer it.

    Raises:
        ValueError: the two are not of the same length.

    Source:
        Precision and recall of the class "no answer"; the questions are those of SQuAD 2.0
        (Rajpurkar et al., ACL 2018) and of negative rejection in RGB (Chen et al., AAAI 2024).
    """
    pairs = list(zip(refused, answerable, strict=True))
    right = sum(1 for said_no, has in pairs if said_no and not has)
    wrong = sum(1 for said_no, has in pairs if said_no and has)
    questions = sum(answerable)
    return RefusalScores(
        precision=_share(right, right + wrong),
        recall=_share(right, len(pairs) - questions),
        answered=_share(questions - wrong, questions),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
