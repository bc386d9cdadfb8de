"""A text cut into words, runs of a script without spaces, and identifiers, with their terms."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from functools import lru_cache
from operator import add
from typing import NamedTuple

from kb.text.dates import Mention
from kb.text.folding import fold
from kb.text.identifiers import (
    code,
    is_count,
    names_one_thing,
    number,
    spaced,
)
from kb.text.numbered import numbered
from kb.text.scripts import HAN, HAN_NUMERAL, UNSPACED, value
from kb.text.stemming import stemmed
from kb.text.stop_words import ASKING, FUNCTION_WORDS

# Vowel signs and accents that are not letters to `\w` but belong to the word they stand in.
MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff"

# Possessive, for some letters are in both sets: tried in every way, they would take for ever.
_WORD = rf"[^\W_{UNSPACED}]++(?:[{MARKS}]++[^\W_{UNSPACED}]*+)*+"
_ALONE, _TOGETHER = _MARKED = "\x02", "\x03"
"""What stands before the terms that are put into a text; files hold no such characters."""
_REST = rf"|[{_ALONE}{_TOGETHER}][^\s|]+(?:\|[^\s|]+)*"
_JOINTS = r"(?:[._'^-]+|(?<=\d),(?=\d))"
_TOKEN = re.compile(
    rf"[{UNSPACED}]+"  # a run without spaces
    r"|\b[A-Za-z](?:\+\+|\#)(?!\w)"  # C++, C#
    rf"|{_WORD}(?:{_JOINTS}{_WORD})*" + _REST  # words, and what joins them
)
# The same for texts without such runs and marks, at half the time.
_PLAIN_TOKEN = re.compile(rf"\b[A-Za-z](?:\+\+|\#)(?!\w)|[^\W_]+(?:{_JOINTS}[^\W_]+)*{_REST}")
_RUN = re.compile(f"[{UNSPACED}]")
_NOT_PLAIN = re.compile("[\u0300-\u1fff\u2c00-\U0010ffff]")
_JOINT = re.compile(r"[._',^-]+")
_DROPPED_JOINT = re.compile(r"['-]")  # don't, e-mail
_POSSESSIVE = re.compile(r"'[sS]$")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LETTERS_AND_DIGITS = re.compile(r"(?<=\d)(?=[^\W\d])|(?<=[^\W\d])(?=\d)")
_HAN_CHARACTER = re.compile(f"[{HAN}]")
_DIGIT = re.compile(r"\d")
_TIMES = re.compile(r"(\d) ?[xX*] ?(?=\d)")  # M8 x 40

# Numbered parts of laws are one term whatever script their number is written in: its digits and
# pairs alone stand in every law. 第三十五条, 第35条.
_NUMBERED = re.compile(f"第([{HAN_NUMERAL}]{{1,9}})([条章节编篇回款项卷页课集讲])")
_MARK = "§"
_OPENING_VERB = re.compile(r"^\W*(?:May|Will)(?![^\W_])")
MAY_IDENTIFY = re.compile(r"\d|[月第]|[A-Z](?<=[^\W\d_] [A-Z])[IVX]{0,4}(?![\w'+#])")

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


class Unit(NamedTuple):
    """A word, a run or an identifier of a text: what names it, and the terms of its pieces."""

    kind: Kind
    names: tuple[str, ...]
    pieces: tuple[str, ...] = ()


def terms_of(text: str, *, without_identifiers: bool = False) -> list[str]:
    """The terms of the units of a text, in order; without the identifiers that several words make
    in half the time."""
    plain = fold(text)
    found: list[str] = []
    for token in _cut(plain if without_identifiers else _with_identifiers(plain)):
        found += _run_terms(token) if _is_run(token[0]) else _token_terms(token)
    return found


def units_of(text: str, *, is_question: bool = False) -> list[Unit]:
    """The units of a text in order. In a question words of asking are left out, and the pieces of
    identifiers that blanks part."""
    units: list[Unit] = []
    plain = _with_identifiers(fold(text), instead=is_question)
    if is_question:
        plain = ASKING.sub(" ", _OPENING_VERB.sub(" ", plain))
    for token in _cut(plain):
        if _is_run(token[0]):
            units.append(Unit(Kind.WORD, tuple(_run_terms(token))))
        elif token[0] in _MARKED:
            units.append(_special_unit(token, is_question))
        elif len(token) > MAX_TERM_CHARACTERS:
            units.append(Unit(Kind.WORD, _token_terms(token)))
        else:
            units.append(_word_unit(token))
    return units


def _cut(plain: str) -> list[str]:
    """Runs without spaces, words, and terms that were put into the text."""
    pattern = _PLAIN_TOKEN if plain.isascii() or not _NOT_PLAIN.search(plain) else _TOKEN
    return pattern.findall(plain)


@lru_cache(maxsize=8192)
def _is_run(first: str) -> bool:
    return _RUN.match(first) is not None


def _special_unit(special: str, is_question: bool) -> Unit:
    names = special[1:].split("|")
    is_day_of_any_year = is_question and len(names) > 1 and names[0].startswith("0000-")
    kind = Kind.IDENTIFIER if special[0] == _ALONE else Kind.PAIR
    return Unit(kind, tuple(names[is_day_of_any_year:]))


def _with_identifiers(text: str, *, instead: bool = False) -> str:
    """The text with the terms of its identifiers in it, behind what they stand for, or in place of
    it if they stand alone."""
    if not MAY_IDENTIFY.search(text):
        return text
    text = _TIMES.sub(r"\1x", text)
    parts: list[str] = []
    done = 0
    laws = [
        Mention(*match.span(), (f"{_MARK}{match[2]}{value(match[1])}",))
        for match in _NUMBERED.finditer(text)
    ]
    found = sorted([*laws, *spaced(text), *numbered(text)], key=lambda m: (m.start, -m.end))
    for start, end, names, is_alone in found:
        if start >= done:
            kept = "" if instead and is_alone else text[start:end]
            sign = _ALONE if is_alone else _TOGETHER
            parts += [text[done:start], kept, f" {sign}{'|'.join(names)} "]
            done = end
    return "".join([*parts, text[done:]])


def _run_terms(run: str) -> list[str]:
    return [*map(add, run, run[1:]), *_HAN_CHARACTER.findall(run)] if len(run) > 1 else [run]


@lru_cache(maxsize=65_536)
def _token_terms(token: str) -> tuple[str, ...]:
    if token[0] in _MARKED:
        return tuple(token[1:].split("|"))
    if len(token) <= MAX_TERM_CHARACTERS:
        unit = _word_unit(token)
        return unit.names + unit.pieces
    parts = (part[:MAX_TERM_CHARACTERS] for part in _JOINT.split(token) if part)
    return tuple(term for part in parts for term in _token_terms(part))


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
