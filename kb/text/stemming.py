"""English words without their commonest endings; other words pass through.

Crude on purpose: the same word in question and text must meet, no more.
"""

from __future__ import annotations

from kb.text.stop_words import FUNCTION_WORDS


def stemmed(word: str) -> str:
    """The term of a folded word: lower case, and without an English ending."""
    word = word.casefold()
    return _without_ending(word) if word.isascii() else word


def _without_ending(word: str) -> str:
    word = _singular(word)
    for ending in ("ing", "ed"):
        if len(word) > len(ending) + 3 and word.endswith(ending):
            word = _undoubled(word.removesuffix(ending))
            break
    return word.removesuffix("e") if len(word) > 4 else word


def _singular(word: str) -> str:
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word.removesuffix("ies") + "y"
    if word.endswith(("sses", "ches", "shes", "xes")):
        return word.removesuffix("es")
    return word.removesuffix("s")


def _undoubled(stem: str) -> str:
    return stem[:-1] if stem[-1] == stem[-2] and stem[-1] not in "lsz" else stem


FUNCTION_TERMS = frozenset(map(stemmed, FUNCTION_WORDS))
