"""A text cut into words, runs of a script without spaces, and identifiers, with their terms."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import pairwise

from kb.text.dates import Mention
from kb.text.folding import fold
from kb.text.identifiers import (
    code,
    is_count,
    is_measure,
    is_release,
    named,
    names_one_thing,
    number,
    spaced,
)
from kb.text.numerals import HAN_NUMERAL, value
from kb.text.scripts import HAN, UNSPACED
from kb.text.stemming import stemmed
from kb.text.stop_words import ASKING, FUNCTION_WORDS

# Vowel signs and accents that are not letters to `\w` but belong to the word they stand in.
MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff"

_WORD = rf"[^\W_{UNSPACED}](?:[^\W_{UNSPACED}]|[{MARKS}])*"
_SPECIAL = "\x02"
"""Stands before a term that is put into a text; files hold no such character."""
_REST = (
    rf"|{_SPECIAL}([^\s{_SPECIAL}]+)"
    r"|([.!?;。！？；](?=\s+[^\W\d])|\n\s*\n)"  # words on both sides of it are no neighbours
)
_JOINTS = r"(?:[._'^-]+|(?<=\d),(?=\d))"
_TOKEN = re.compile(
    rf"([{UNSPACED}]+)"  # a run without spaces
    rf"|(\b[A-Za-z](?:\+\+|\#)(?!\w)"  # C++, C#
    rf"|{_WORD}(?:{_JOINTS}{_WORD})*)" + _REST  # words, and what joins them
)
# The same for texts without such runs and marks, at half the time.
_PLAIN_TOKEN = re.compile(rf"()(\b[A-Za-z](?:\+\+|\#)(?!\w)|[^\W_]+(?:{_JOINTS}[^\W_]+)*){_REST}")
_NOT_PLAIN = re.compile("[\u0300-\u1fff\u2c00-\U0010ffff]")
_JOINT = re.compile(r"[._',^-]+")
_DROPPED_JOINT = re.compile(r"['-]")  # don't, e-mail
_POSSESSIVE = re.compile(r"'[sS]$")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LETTERS_AND_DIGITS = re.compile(r"(?<=\d)(?=[^\W\d])|(?<=[^\W\d])(?=\d)")
_HAN_CHARACTER = re.compile(f"[{HAN}]")
_DIGIT = re.compile(r"\d")
_TIMES = re.compile(r"(?<=\d) ?[xX*] ?(?=\d)")  # M8 x 40

# Numbered parts of laws are one term whatever script their number is written in: its digits and
# pairs alone stand in every law. 第三十五条, 第35条.
_NUMBERED = re.compile(f"第([{HAN_NUMERAL}]{{1,9}})([条章节编篇回款项卷页课集讲])")
_MARK = "§"
_NUMBER_SIGNS = frozenset(["no", "nr", "num", "number", "nummer"])
_COUNTED = "days hours minutes seconds weeks months years percent people persons times"
_AMOUNTS = frozenset(map(stemmed, _COUNTED.split()))
_HAN_AMOUNTS = frozenset("天日年月周个小分秒时元岁次人名位点")
_PREPOSITIONS = ["about", "after", "before", "between", "over", "since", "under", "until", "within"]
_NO_NAMES = FUNCTION_WORDS.union(_PREPOSITIONS)
_LETTER = re.compile(r"[A-Z]|[IVX]{2,5}")
_THINGS = (
    "annex appendix category chapter class grade group level part phase plan stage tier type volume"
)
_KINDS_OF_THINGS = frozenset(_THINGS.split())
_OPENING_VERB = re.compile(r"^\W*(?:May|Will)(?![^\W_])")
_YEAR = re.compile(r"(?:19|20)\d\d")
LONGEST_PREFIX = 5
_OF_A_RUN = re.compile(f"[{UNSPACED}]")
MAY_IDENTIFY = re.compile(r"\d|[月월]|(?<![^\W_])[A-Z](?![^\W_])")

# A word is cut here: nobody types longer ones, and base64 blobs would fill dictionary and cache.
MAX_TERM_CHARACTERS = 64


class Kind(Enum):
    """How the terms of a unit count."""

    WORD = 0
    """Its terms stand for themselves."""
    AMOUNT = 1
    """The same; in a passage it can be the identifier that is asked for."""
    PAIR = 2
    """Names one thing together with its pieces, which count as well: Room 12."""
    IDENTIFIER = 3
    """Names one thing; its pieces say nothing in a question."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A word, a run or an identifier of a text: what names it, and the terms of its pieces."""

    kind: Kind
    names: tuple[str, ...]
    pieces: tuple[str, ...] = ()


def units_of(text: str, *, is_question: bool = False) -> list[Unit]:
    """The units of a text in order. In a question words of asking are left out, and the pieces of
    identifiers that blanks part."""
    plain = fold(text)
    if MAY_IDENTIFY.search(plain) or "第" in plain:
        plain = _with_identifiers(_TIMES.sub("x", plain), instead=is_question)
    if is_question:
        plain = ASKING.sub(" ", _OPENING_VERB.sub(" ", plain))
    pattern = _TOKEN if _NOT_PLAIN.search(plain) else _PLAIN_TOKEN
    tokens = pattern.findall(plain)
    units: list[Unit] = []
    before = ""
    for at, (run, word, special, _) in enumerate(tokens):
        if word and len(word) <= MAX_TERM_CHARACTERS:
            units.append(_word_unit(word))
            if word[0].isdecimal() or _LETTER.fullmatch(word):
                _join(units, before, word, tokens[at + 1 : at + 2])
            if not (before and word.casefold() in _NUMBER_SIGNS):
                before = word
            continue
        before = run
        if run:
            units.append(_run_unit(run))
        elif special:
            units.append(_special_unit(special, is_question))
        else:
            units += map(_word_unit, _cut(word))
    return units


def _cut(word: str) -> list[str]:
    return [part[:MAX_TERM_CHARACTERS] for part in _JOINT.split(word) if part]


def _special_unit(special: str, is_question: bool) -> Unit:
    names = special.split("|")
    is_day_of_any_year = is_question and len(names) > 1 and names[0].startswith("0000-")
    return Unit(Kind.IDENTIFIER, tuple(names[is_day_of_any_year:]))


def _join(units: list[Unit], before: str, word: str, following: Sequence[tuple[str, ...]]) -> None:
    """Add what a number, or a single letter, and its neighbours name together."""
    after_run, after = following[0][:2] if following else ("", "")
    if not word[0].isdecimal():
        if before and _is_kind_of_thing(before, word):
            units.append(Unit(Kind.PAIR, (f"{before}:{word}".casefold(),)))
    elif is_measure(after) or (after_run and after_run[0] not in _HAN_AMOUNTS):
        unit = after or after_run[: 1 if after_run[0] == "号" else 2]
        units.append(Unit(Kind.PAIR, (named(word, unit),)))
    elif _OF_A_RUN.match(before) and not after_run:
        units.append(Unit(Kind.PAIR, (before[-2:] + word,)))
    elif before.isalpha() or "-" in before:
        is_amount = after_run or stemmed(after) in _AMOUNTS
        if not is_amount and before.casefold() not in _NO_NAMES:
            units[-2:] = _numbered(before, word, *units[-2:])


def _is_kind_of_thing(before: str, letter: str) -> bool:
    if not before.isalpha() or before.casefold() in FUNCTION_WORDS:
        return False
    return letter != "I" or before[0].isupper() or before in _KINDS_OF_THINGS


def _numbered(name: str, number: str, *units: Unit) -> list[Unit]:
    """What stands for a name and the number behind it: AB 1234, release 2.4, Room 12."""
    if is_release(name) and "." in number:
        return [units[0], Unit(Kind.IDENTIFIER, units[1].names, units[1].pieces)]
    whole = (named(name, number),)
    if not name.isupper() or len(name) > LONGEST_PREFIX or _YEAR.fullmatch(number):
        return [*units, Unit(Kind.PAIR, whole)]
    pieces = tuple(term for unit in units for term in unit.names + unit.pieces)
    return [Unit(Kind.IDENTIFIER, whole, pieces)]


def _with_identifiers(text: str, *, instead: bool) -> str:
    """The text with the terms of its spaced identifiers in it, behind what they stand for or in
    place of it."""
    parts: list[str] = []
    done = 0
    numbered: list[Mention] = [
        (*match.span(), (f"{_MARK}{match[2]}{value(match[1])}",))
        for match in _NUMBERED.finditer(text)
    ]
    for start, end, names in sorted(spaced(text) + numbered):
        if start >= done:
            parts += [text[done:start], "" if instead else text[start:end]]
            parts.append(f" {_SPECIAL}{'|'.join(names)} ")
            done = end
    return "".join([*parts, text[done:]])


def _run_unit(run: str) -> Unit:
    if len(run) == 1:
        return Unit(Kind.WORD, (run,))
    pairs = [a + b for a, b in pairwise(run)] + _HAN_CHARACTER.findall(run)
    return Unit(Kind.WORD, tuple(pairs))


# Words repeat (Zipf): remembering their terms makes `terms` several times faster.
@lru_cache(maxsize=65_536)
def _word_unit(word: str) -> Unit:
    word = _POSSESSIVE.sub("", word)
    parts = [part for piece in _JOINT.split(word) for part in _CAMEL.split(piece) if part]
    if _DIGIT.search(word):
        return _numeric_unit(word, parts)
    whole = stemmed(_DROPPED_JOINT.sub("", word))
    names = (whole, word.upper()) if _is_name(word) else (whole,)
    return Unit(Kind.WORD, names, _without(names, parts) if len(parts) > 1 else ())


def _numeric_unit(word: str, parts: Sequence[str]) -> Unit:
    if is_count(word):
        return Unit(Kind.WORD, (stemmed(word),))
    if values := number(word):
        kind = Kind.AMOUNT if "." in values[0] else Kind.WORD
        kind = Kind.IDENTIFIER if names_one_thing(word) else kind
        return Unit(kind, values[:1], values[1:] + _without(values, parts))
    names = (code(word),)
    pieces = [piece for part in parts for piece in _LETTERS_AND_DIGITS.split(part)]
    kept = [piece for piece in pieces if len(piece) > 1 or len(parts) > 1]
    if not any(map(str.isalpha, word)):
        return Unit(Kind.WORD, names, _without(names, kept))
    kind = Kind.IDENTIFIER if names_one_thing(word) else Kind.PAIR
    return Unit(kind, names, _without(names, kept))


def _without(names: Sequence[str], parts: Sequence[str]) -> tuple[str, ...]:
    return tuple(term for term in dict.fromkeys(map(stemmed, parts)) if term not in names)


def _is_name(word: str) -> bool:
    """Whether a function word is written as a name: IT, WHO; May and Will, which are no verbs in
    capitals."""
    if word in ("May", "Will"):
        return True
    return len(word) > 1 and word.isupper() and word.casefold() in FUNCTION_WORDS
