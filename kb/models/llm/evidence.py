"""How well a statement fits a question, and whether it lacks what the question is about."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from kb.models.llm.agents import lacks_agent
from kb.models.llm.statements import PRONOUN, Statement
from kb.text.asking import (
    asking_terms,
    kind_terms,
    language_by_words,
    loose_terms,
    qualifiers,
)
from kb.text.terms import optional_terms, query_terms, terms

_ABOVE = 0.8  # what a term counts that stands in a heading above or the document's name instead
_NEAR = 0.4  # … in a neighbour
_CHUNK = 0.2  # … anywhere in the chunk
HIT = 0.1  # what the search thought of the chunk, best hit = 1
_KIND = 0.15  # the sentence holds the kind of thing that is asked for

LENIENT = 6
"""One word of so many may be missing in a sentence that is answered for sure; a figure never, and
no word in a row of a table.

With 4, 8 of the 50 questions of the `contrast` sets that differ by one word from an answerable one
are answered, with 5 and 6 none; of 100 questions of SQuAD dev 65, 57 and 52 are.
"""

_DIGIT = re.compile(r"\d")
_NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|dozen|hundred|thousand)\b|"
    r"[一二三四五六七八九十百千万两]",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"\b[12]\d{3}s?\b|\b\d{1,2}[:h]\d\d\b|\d Uhr|[年月日点時]|世紀|世纪|centur|"
    r"\b(?:January|February|March|April|May|June|July|"
    r"August|September|October|November|December|day|week|month|year)s?\b"
)
_NAME = re.compile(r"(?<!^)(?<![.!?] )\b[A-Z][\w'’-]+")
_ASKS_TIME = re.compile(
    r"\bwhen\b|(?:what|which) (?:year|date)|什么时候|何时|哪一?年|哪天|几月|いつ|何年|何月"
)
_ASKS_NUMBER = re.compile(
    r"how (?:many|much|long|old|far|often|large|big|tall)|what percent|多少|几|何人|いくつ|いくら|"
    r"何[個本回歳]"
)
_ASKS_AMOUNT = re.compile(r"\bhow (?:many|much)\b|多少", re.IGNORECASE)
_ASKS_NAME = re.compile(r"\bwho(?:m|se)?\b")
_PRONOUN = re.compile(r"\b(?:it|they|he|she|them|him|er|sie|es|ihn|ihm|ella)\b|[它他她]")
_NEUTER = re.compile(r"\b(?:esto|eso|ello)\b(?!.*\()")
_DANGLES = re.compile(r"\W*\w+(?: [a-zäöüß]+)* (?:er|sie|ihn|ihm)\b(?!.*\()")  # before any noun
_DOTTED = re.compile(r"(?<![\w.,])v?(\d+(?:\.\d+)+)(?!\.?\w)")
_RELEASE = re.compile(
    r"\W*(?:v|version|release)?\W*(\d+(?:\.\d+)+)(?![^\W\d_])[\W\d]*", re.IGNORECASE
)
"""A heading that is a release and perhaps its day."""
_NEGATION = re.compile(
    r"\b(?:not|never|no|nicht|kein\w*|pas|nunca)\b|n['’]t\b|[不没未]|ない|ません"
)
_KINDS = (
    (_ASKS_TIME, _TIME),
    (_ASKS_NUMBER, _NUMBER),
    (_ASKS_NAME, _NAME),
    (_NEGATION, _NEGATION),
)


def weights_among(query: str, candidates: Sequence[Statement]) -> dict[str, float]:
    """The terms of the question, each with its weight times its inverse document frequency over the
    candidates."""
    frequency = Counter(term for statement in candidates for term in statement.terms)
    held = frozenset[str]().union(*(statement.chunk for statement in candidates))
    return {
        term: weight * math.log(1 + (len(candidates) + 1) / (frequency[term] + 0.5))
        for term, weight in query_terms(query).items()
        if term in held or term not in optional_terms(query)
    }


def share_held(statement: Statement, weights: Mapping[str, float]) -> float:
    """Share (0..1) of a question, by weight of its terms, in a statement and what is around it."""
    held = sum(
        weight
        * (
            1.0
            if term in statement.terms
            else _ABOVE
            if term in statement.above
            else _NEAR
            if term in statement.near
            else _CHUNK
            if term in statement.chunk
            else 0.0
        )
        for term, weight in weights.items()
    )
    return held / sum(weights.values())


def kind_bonus(query: str, text: str) -> float:
    """What it adds that a statement holds a thing of the kind that is asked for: a day, a name."""
    lowered = query.casefold()
    return _KIND if any(asks.search(lowered) and has.search(text) for asks, has in _KINDS) else 0.0


def lacks_qualifier(query: str, part: str, chosen: Sequence[Statement]) -> bool:
    """Whether a word that says what is asked about stands neither in a statement nor above
    one; a figure is what words like "number" and "price" ask for. Each row that is told
    has to hold it.

    Args:
        query: the message as it was asked, which tells words of asking.
        part: what was looked for.
    """
    leader = max(chosen, key=lambda s: len(s.terms | s.above))
    around = asking_terms(query).union(*(s.above for s in chosen))
    if any(_DIGIT.search(statement.text) for statement in chosen):
        around |= kind_terms(query)
    if _is_of_other_release(query, leader) or _points_nowhere(query):
        return True
    own = leader.terms.union(terms(leader.places[0]))
    has_number = any(_NUMBER.search(statement.text) for statement in chosen)
    if own.isdisjoint(query_terms(part)) or (_ASKS_AMOUNT.search(query) and not has_number):
        return True
    loose = loose_terms(query) - kind_terms(query)
    lacked = [bool(held) and held.isdisjoint(own) for held in (loose, asking_terms(query))]
    if all(lacked):  # "Which languages does it support?" needs one of both
        return True
    told = [s for s in chosen if s.row or not leader.row]
    if all(s.row is None and lacks_agent(query, s.text) for s in told):
        return True
    missed = [
        (statement.row is not None and statement.row.contradicts(part))
        or _is_missed(qualifiers(part), around | _held(statement), is_row=statement.row is not None)
        for statement in told
    ]
    return any(missed) if leader.row else all(missed)


def _is_of_other_release(query: str, statement: Statement) -> bool:
    """Whether it stands under another release than the asked one, which it may name."""
    asked = _DOTTED.findall(query)
    own = next(filter(None, map(_RELEASE.fullmatch, statement.places)), None)
    return bool(asked) and own is not None and own[1] not in asked


def _points_nowhere(query: str) -> bool:
    """Whether a question is about what its pronoun stands for, and does not name that: not behind
    it in brackets either, where a follow-up does."""
    if not qualifiers(query):
        return _PRONOUN.search(query) is not None
    is_neuter = _NEUTER.search(query) is not None
    return is_neuter or (language_by_words(query) == "de" and _DANGLES.match(query) is not None)


def _held(statement: Statement) -> frozenset[str]:
    """What a statement says; of one that begins with a pronoun also what stands before it."""
    return statement.terms | (statement.near if PRONOUN.match(statement.text) else frozenset())


def _is_missed(asked: Sequence[frozenset[str]], held: frozenset[str], *, is_row: bool) -> bool:
    missing = [terms for terms in asked if not held & terms]
    has_number = any(_DIGIT.search(term) for terms in missing for term in terms)
    return has_number or len(missing) > (0 if is_row else len(asked) // LENIENT)
