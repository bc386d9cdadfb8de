"""Which identifiers are of one kind, and so say that a passage is about another thing.

What stands under release 2.4.1 says nothing about release 2.4.10, and the row of room 12 nothing
about room 14. A passage that names no release at all may well be about every one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from kb.text.identifiers import LEAST_DIGITS
from kb.text.terms import identifiers

_DIGITS = re.compile(r"\d+")
_DOTTED = re.compile(r"\d+(?:\.\d+)+")
_HEXADECIMAL = re.compile(r"(?=\D*\d)[\da-f]{7,}")


@lru_cache(maxsize=65_536)
def shape(term: str) -> str:
    """What identifiers of one kind have in common: ap2034 and ap77 are ap#, 2.4.1 is #.#.#."""
    if term.replace(".", "").isdecimal():
        dots = term.count(".")
        return "#" + dots * ".#" if dots else "##" if len(term) >= LEAST_DIGITS else "#"
    if _HEXADECIMAL.fullmatch(term):
        return "##"
    return (
        _DIGITS.sub("#", _DOTTED.sub("#", term))
        if ":" not in term
        else f"{term.partition(':')[0]}:"
    )


def is_missed(asked: Iterable[str], held: frozenset[str]) -> bool:
    """Whether a text names another thing of the same shape in place of one that is asked for.

    Args:
        asked: `kb.text.terms.asked_identifiers` of a question.
        held: the identifiers that a text, or what stands above it, names.
    """
    shapes: set[str] | None = None
    for term in asked:
        if term in held or (term[4:5] == "-" and f"0000{term[4:]}" in held):
            continue
        shapes = {shape(other) for other in held} if shapes is None else shapes
        if shape(term) in shapes:
            return True
    return False


def named_in_sentences(heading: str, sentences: Iterable[str]) -> Iterator[frozenset[str]]:
    """The identifiers that each sentence of a passage may be about: its own, and those above it."""
    above = identifiers(heading)
    for sentence in sentences:
        above |= identifiers(sentence)
        yield above
