"""Turns text into the terms of the keyword index.

Documents and questions must pass through the same rules, or they never meet: whoever changes a
rule here has to rebuild every keyword index. Only the *choice* of terms differs: `query_terms`
leaves out what no question is about.

Languages that are written without spaces are cut into character pairs. Pairs need no dictionary,
find names that no dictionary holds, and index 26 times faster than a word segmenter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from kb.text.asking import REMEMBERED_QUESTIONS, asking_terms, function_terms, kind_terms
from kb.text.scripts import HAN
from kb.text.units import MAY_IDENTIFY, Kind, terms_of, units_of

IDENTIFIER_WEIGHT = 3.0
"""Who writes an identifier knows what he wants: it counts as much as three other words. Of the 312
identifiers of `tests/kb/search/test_spellings.py` 300 are found with 1, all with 3."""

LONGEST_ENDING = 8
_HAN_CHARACTER = re.compile(f"[{HAN}]")

# A single Han character counts half of a pair in a question. Answer recall@1 for weights
# 0 / 0.5 / 1: CMRC 2018 0.839 / 0.852 / 0.859, Sanguo 0.385 / 0.450 / 0.435, JSQuAD 0.893 /
# 0.897 / 0.892, TiDB headings 0.433 / 0.430 / 0.423.
HAN_CHARACTER_WEIGHT = 0.5


def terms(text: str, *, without_identifiers: bool = False) -> list[str]:
    """Every term of a text, in order, repeated as often as it occurs.

    Words lose case, accents and English endings; names joined by dots, hyphens, underscores or
    capitals (`foo.bar_baz`, `getUser`) yield the whole and the parts; runs of a script without
    spaces yield pairs of characters, and each Han character alone. An identifier
    (`kb/text/identifiers.py`) and a numbered thing (第三十五条, Section 3.2) yield one more term
    for the whole.

    Args:
        without_identifiers: leave out those of several words, for a question that asks for none;
            it takes half the time.
    """
    return terms_of(text, without_identifiers=without_identifiers)


@lru_cache(maxsize=REMEMBERED_QUESTIONS)
def query_terms(text: str) -> Mapping[str, float]:
    """The distinct terms to look a question up by, each with its weight.

    Function and question words are left out unless the question has nothing else, and so are the
    pieces of an identifier, which stands for itself. Function words that are written as names count
    (Plan A, IT, WHO, in May).
    """
    weights: dict[str, float] = {}
    for unit in units_of(text, is_question=True):
        names_thing = unit.kind in (Kind.PAIR, Kind.IDENTIFIER)
        weights |= {t: IDENTIFIER_WEIGHT if names_thing else _weight(t) for t in unit.names}
        for term in () if unit.kind is Kind.IDENTIFIER else unit.pieces:
            weights.setdefault(term, _weight(term))
    is_shouted = text.isupper() and " " in text
    function = function_terms(text)
    telling = {
        term: weight
        for term, weight in weights.items()
        if term not in function and not (is_shouted and term.isupper())
    }
    return telling or dict.fromkeys(terms(text), 1.0)


@lru_cache(maxsize=REMEMBERED_QUESTIONS)
def asked_identifiers(text: str) -> frozenset[str]:
    """The identifiers of a question: what names another of the same shape does not answer it."""
    kinds = (Kind.PAIR, Kind.IDENTIFIER)
    units = units_of(text, is_question=True)
    return frozenset(unit.names[0] for unit in units if unit.kind in kinds)


@lru_cache(maxsize=REMEMBERED_QUESTIONS)
def optional_terms(text: str) -> frozenset[str]:
    """Terms of a question that say nothing against a text without them: their pieces count, too, or
    they only ask."""
    units = units_of(text, is_question=True)
    pairs = frozenset(name for unit in units if unit.kind is Kind.PAIR for name in unit.names)
    return pairs | asking_terms(text) | kind_terms(text)


def identifiers(text: str) -> frozenset[str]:
    """The identifiers and amounts that a passage names."""
    if not MAY_IDENTIFY.search(text):
        return frozenset()
    return frozenset(
        name for unit in units_of(text) if unit.kind is not Kind.WORD for name in unit.names
    )


def plain_name(name: str) -> str:
    """A document's name as it is searched: its path without the ending."""
    stem, dot, ending = name.rpartition(".")
    return stem if dot and ending.isalnum() and len(ending) <= LONGEST_ENDING else name


def _weight(term: str) -> float:
    return HAN_CHARACTER_WEIGHT if len(term) == 1 and _HAN_CHARACTER.match(term) else 1.0
