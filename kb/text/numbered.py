"""What a word and the number or letter beside it name: Room 12, AB 1234, 500 mg, Plan A."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kb.text.dates import Mention
from kb.text.identifiers import code, is_measure, is_release, named, number, value_of
from kb.text.scripts import UNSPACED
from kb.text.stemming import stemmed
from kb.text.stop_words import FUNCTION_WORDS

LONGEST_PREFIX = 5
"""Letters in capitals, up to so many, and a number are a code: KR 4821."""

_NUMBER = re.compile(
    rf"\d(?<![^\W{UNSPACED}]\d)(?<![.,'-]\d)(?:[\d.,]*\d)?[A-Za-z]?(?![^\W{UNSPACED}]|['-]|[.,]\w)"
)
_BEFORE = re.compile(
    rf"((?:(?![{UNSPACED}])[^\W\d_])+(?:-[^\W\d_]+)*)"
    r"(?:[ :#/]{1,3}|[ :]{1,2}(?:no|nr|num|number|nummer)\.? ?)$"
    rf"|([{UNSPACED}]{{1,2}}) ?$",
    re.IGNORECASE,
)
_AFTER = re.compile(rf" ?(?:([{UNSPACED}]{{1,2}})|([^\W\d_]{{1,12}}\d?)(?![^\W_]))")
_LETTER = re.compile(r"[A-Z](?<=[^\W\d_] [A-Z])[IVX]{0,4}(?![\w'+#])")
_NAME_BEFORE = re.compile(r"[^\W\d_]+(?= $)")
_ROMAN = re.compile(r"[IVX]+|.")
_YEAR = re.compile(r"(?:19|20)\d\d")
_LOOKED_AT_CHARACTERS = 28

_PREPOSITIONS = "after before between no nr number over since under until within"
_NO_NAMES = FUNCTION_WORDS.union(_PREPOSITIONS.split())
_COUNTED = "days hours minutes seconds weeks months years percent people persons times"
_AMOUNTS = frozenset(map(stemmed, _COUNTED.split()))
_HAN_AMOUNTS = frozenset("天日年月周个小分秒时元岁次人名位点")
_KINDS = "annex appendix category chapter class grade group level part phase plan stage tier type"
_KINDS_OF_THINGS = frozenset(_KINDS.split())


def numbered(text: str) -> Iterator[Mention]:
    """The numbered and lettered things of a folded text."""
    for match in _NUMBER.finditer(text):
        if mention := _with_unit(match) or _with_name(match):
            yield mention
    for match in _LETTER.finditer(text):
        start = match.start()
        name = _NAME_BEFORE.search(text, max(0, start - _LOOKED_AT_CHARACTERS), start)
        if name and _ROMAN.fullmatch(match[0]) and _is_thing(name[0], match[0]):
            yield Mention(*match.span(), (f"{name[0]}:{match[0]}".casefold(),), is_alone=False)


def _with_unit(match: re.Match[str]) -> Mention | None:
    after = _AFTER.match(match.string, match.end())
    if after is None or not (is_measure(after[2] or "") or _may_be_unit(after[1])):
        return None
    unit = after[2] or (after[1][0] if after[1][0] == "号" else after[1])
    return Mention(match.start(), after.end(), (code(value_of(match[0]) + unit),), is_alone=False)


def _may_be_unit(run: str | None) -> bool:
    return run is not None and run[0] not in _HAN_AMOUNTS


def _with_name(match: re.Match[str]) -> Mention | None:
    start, end = match.span()
    before = _BEFORE.search(match.string, max(0, start - _LOOKED_AT_CHARACTERS), start)
    after = _AFTER.match(match.string, end)
    if before is None or (after and (after[1] or stemmed(after[2]) in _AMOUNTS)):
        return None
    if run := before[2]:
        return Mention(start, end, (run + match[0],), is_alone=False)
    name = before[1]
    if name.casefold() in _NO_NAMES:
        return None
    if is_release(name) and "." in match[0]:
        return Mention(start, end, number(match[0])[:1], is_alone=True)
    is_code = name.isupper() and len(name) <= LONGEST_PREFIX and not _YEAR.fullmatch(match[0])
    return Mention(before.start() if is_code else start, end, (named(name, match[0]),), is_code)


def _is_thing(name: str, letter: str) -> bool:
    if name.casefold() in FUNCTION_WORDS:
        return False
    return letter != "I" or name[0].isupper() or name in _KINDS_OF_THINGS
