"""Token F1: how far the words of an answer are those of a right one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from eval.metrics.words import answer_units


def token_f1(answer: str, golds: Sequence[str]) -> float:
    """The best F1 over the right answers: harmonic mean of precision and recall of units.

    Units are words, and single characters in Chinese, Japanese and other scripts that do not mark
    words. Without right answers the question has none: then an empty answer is 1, any other 0.

    Source:
        Rajpurkar et al., "SQuAD", EMNLP 2016: units as bags. For Chinese this is more lenient than
        the script of CMRC 2018, which counts the longest common run; for Japanese it is JGLUE's.
    """
    units = answer_units(answer)
    return max(_f1(units, answer_units(gold)) for gold in golds or ("",))


def _f1(answer: Sequence[str], gold: Sequence[str]) -> float:
    if not answer or not gold:
        return float(not answer and not gold)
    common = (Counter(answer) & Counter(gold)).total()
    return 2 * common / (len(answer) + len(gold))
