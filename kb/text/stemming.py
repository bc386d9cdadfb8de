"""English words without their commonest endings; other words pass through.

Crude on purpose: the same word in question and text must meet, no more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

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

_SUFFIXES = "a as e ely em en ent er es et heit ility ion is l ly ment n o or os r rs s t te um ung"
_ENDINGS = frozenset(("", *_SUFFIXES.split()))
"""What may be left of two words that mean the same thing or the one who does it: approve and
approver, direct and director, year and yearly, krank and Krankheit. Without this rule 8 more of the
255 answerable questions of `bench.answers` are weak and 1 is refused."""
_LEAST_STEM = 4


def relatives(wanted: Iterable[str], held: Collection[str]) -> Mapping[str, str]:
    """Term of a text → the term of a question that is derived from the same word."""
    by_beginning: dict[str, list[str]] = {}
    for term in wanted:
        if term.isalpha() and len(term) >= _LEAST_STEM:
            by_beginning.setdefault(term[:3], []).append(term)
    return {
        term: asked
        for term in held
        for asked in by_beginning.get(term[:3], ())
        if asked != term and (_is_related(asked, term) or _is_compound(asked, term, held))
    }


def _is_related(one: str, other: str) -> bool:
    pairs = enumerate(zip(one, other, strict=False))
    same = next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
    if same == len(one) - 1 == len(other) - 1:  # lose, lost, loss
        return {one[-1], other[-1]} <= {"e", "s", "t"}
    endings = sorted((one[same:], other[same:]), key=len)
    return same >= _LEAST_STEM and _ENDINGS.issuperset(endings)


def _is_compound(asked: str, term: str, held: Collection[str]) -> bool:
    """Whether a text says a compound with an s between its parts in two words: the last part
    decides what it is."""
    first, last = asked[: len(term) + 1], asked[len(term) + 1 :]
    is_first = len(term) > _LEAST_STEM and first == term + "s"
    return is_first and bool(last) and any(other.startswith(last) for other in held)
