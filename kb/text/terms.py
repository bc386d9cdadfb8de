"""Turns text into the terms of the keyword index.

Documents and questions must pass through the same rules, or they never meet: whoever changes a
rule here has to rebuild every keyword index. Only the *choice* of terms differs: `query_terms`
leaves out what no question is about.

Languages that are written without spaces are cut into character pairs. Pairs need no dictionary,
find names that no dictionary holds, and index 26 times faster than a word segmenter.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise

from kb.text.scripts import HAN, UNSPACED

# Vowel signs and accents that are not letters to `\w` but belong to the word they stand in.
MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff"

_WORD = rf"[^\W_{UNSPACED}](?:[^\W_{UNSPACED}]|[{MARKS}])*"
_TOKEN = re.compile(
    rf"([{UNSPACED}]+)"  # a run without spaces
    rf"|(\b[A-Za-z](?:\+\+|\#)(?!\w)"  # C++, C#
    rf"|{_WORD}(?:(?:[._'’-]+|(?<=\d),(?=\d)){_WORD})*)"  # words, and what joins them
)
# The same for texts without such runs and marks, at half the time.
_PLAIN_TOKEN = re.compile(
    r"()(\b[A-Za-z](?:\+\+|\#)(?!\w)|[^\W_]+(?:(?:[._'’-]+|(?<=\d),(?=\d))[^\W_]+)*)"
)
_NOT_PLAIN = re.compile("[\u0300-\u1fff\u2c00-\U0010ffff]")
_JOINT = re.compile(r"[._'’,-]+")
_DROPPED_JOINT = re.compile(r"['’,]")  # don't, 12,000
_POSSESSIVE = re.compile(r"['’][sS]$")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_HAN_CHARACTER = re.compile(f"[{HAN}]")

# Numbered parts of documents are one term whatever script their number is written in: its digits
# and pairs alone stand in every law. 第三十五条, 第35条; Article 5, Section 3.2, Note 7.
_NUMBERED = re.compile(
    r"第([零〇一二三四五六七八九十百千两\d]{1,9})([条條章节節编編篇回款项項卷页頁课課集讲講])"
)
_MARK = "§"
_PART_NAMES = (
    "annex appendix article chapter clause exhibit figure item note page part paragraph rule "
    "schedule section step table volume"
)
_PARTS = frozenset(_PART_NAMES.split())
_PART_NUMBER = re.compile(r"\d{1,4}(?:\.\d{1,4}){0,3}[A-Za-z]?")
NUMBERED_WEIGHT = 3.0
"""Who writes a number knows what he wants: it counts as much as three other words."""

LONGEST_ENDING = 8

_DIGITS = {d: n for n, d in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_TENS = {"十": 10, "百": 100, "千": 1000}
_SAME_PART = str.maketrans("條節編項頁課講", "条节编项页课讲")

# Words of asking in scripts without spaces. Documents hardly hold them, so they look telling, and
# their pairs with the characters beside them even more so.
_ASKING = re.compile(
    "什么时候|为什么|是什么|什么样|什么|甚么|为何|怎么样|怎么|怎样|如何|多少|哪一|哪些|哪个|哪里|"
    "哪儿|哪|谁|是否|几个|请问|吗|呢|有没有|"
    "何時|何人|何年|いつ|どこ|だれ|誰|なぜ|どのよう|どの|どんな|どう|いくつ|いくら|何と|何が|何|"
    "ですか|ますか|でしょうか|"
    "무엇|언제|어디|누구|왜|어떻게|얼마나|몇"
)
_ACCENT = re.compile("[\u0300-\u036f]")

REMEMBERED_QUESTIONS = 256
"""Questions whose terms are kept: each search asks for them four times."""

# A word is cut here: nobody types longer ones, and base64 blobs would fill dictionary and cache.
MAX_TERM_CHARACTERS = 64

# A single Han character counts half of a pair in a question. Answer recall@1 for weights
# 0 / 0.5 / 1: CMRC 2018 0.839 / 0.852 / 0.859, Sanguo 0.385 / 0.450 / 0.435, JSQuAD 0.893 /
# 0.897 / 0.892, TiDB headings 0.433 / 0.430 / 0.423.
HAN_CHARACTER_WEIGHT = 0.5

_STOP_WORDS = (
    "a an and are as at be been being by can could did do does for from had has have he her him "
    "his how i in into is it its may me might my of on or our she should that the their them "
    "then there these they this those to us was we were what when where which who whom whose why "
    "will with would you your"
)


def terms(text: str) -> list[str]:
    """Every term of a text, in order, repeated as often as it occurs.

    Words lose case, accents and English endings; names joined by dots, hyphens, underscores or
    capitals (`foo.bar_baz`, `getUser`) yield the whole and the parts; runs of a script without
    spaces yield pairs of characters, and each Han character alone. A numbered part (第三十五条,
    Section 3.2) yields one more term for part and number together.
    """
    found: list[str] = []
    before = ""
    plain = _normalised(text)
    pattern = _TOKEN if _NOT_PLAIN.search(plain) else _PLAIN_TOKEN
    for run, word in pattern.findall(plain):
        if run:
            found += _pairs(run)
        elif len(word) <= MAX_TERM_CHARACTERS:
            found += _word_terms(word)
            if word[0].isdecimal() and before and _is_part_number(before, word):
                found.append(f"{_MARK}{before.casefold()}{word.casefold()}")
            before = word
        else:
            for part in _JOINT.split(word):
                found += _word_terms(part[:MAX_TERM_CHARACTERS])
    if "第" in plain:  # a number in digits parts the run
        found += [
            _numbered_term(*match) for match in _NUMBERED.findall(plain) if match[0].isdecimal()
        ]
    return found


def _is_part_number(before: str, word: str) -> bool:
    return before.casefold() in _PARTS and _PART_NUMBER.fullmatch(word) is not None


def plain_name(name: str) -> str:
    """A document's name as it is searched: its path without the ending."""
    stem, dot, ending = name.rpartition(".")
    return stem if dot and ending.isalnum() and len(ending) <= LONGEST_ENDING else name


@lru_cache(maxsize=REMEMBERED_QUESTIONS)
def query_terms(text: str) -> Mapping[str, float]:
    """The distinct terms to look a question up by, each with its weight.

    Function and question words are left out unless the question has nothing else, and so are the
    pieces of a numbered part, which stands for itself.
    """
    plain = _normalised(text)
    distinct = dict.fromkeys(terms(plain))
    numbered = [term for term in distinct if term.startswith(_MARK)]
    kept = dict.fromkeys(terms(_NUMBERED.sub(" ", _ASKING.sub(" ", plain)))) | dict.fromkeys(
        numbered
    )
    telling = [term for term in kept if term not in _stop_terms()]
    return {term: _weight(term) for term in telling or distinct}


def _normalised(text: str) -> str:
    return unicodedata.normalize("NFKC", text).replace("\u00ad", "")


def _weight(term: str) -> float:
    if term.startswith(_MARK):
        return NUMBERED_WEIGHT
    return HAN_CHARACTER_WEIGHT if len(term) == 1 and _HAN_CHARACTER.match(term) else 1.0


def _pairs(run: str) -> list[str]:
    if len(run) == 1:
        return [run]
    pairs = [a + b for a, b in pairwise(run)] + _HAN_CHARACTER.findall(run)
    if "第" in run:
        pairs += [_numbered_term(number, part) for number, part in _NUMBERED.findall(run)]
    return pairs


def _numbered_term(number: str, part: str) -> str:
    return f"{_MARK}{part.translate(_SAME_PART)}{_value(number)}"


def _value(number: str) -> int:
    """The value of a number in Han or other digits: 三十五, 三五, 35."""
    if number.isdecimal():
        return int(number)
    if not any(character in _TENS for character in number):
        return int("".join(str(_DIGITS.get(c, c)) for c in number))
    total, digit = 0, None
    for character in number:
        if character in _TENS:
            total += (1 if digit is None else digit) * _TENS[character]
            digit = None
        else:
            digit = _DIGITS[character] if character in _DIGITS else int(character)
    return total + (digit or 0)


# Words repeat (Zipf): remembering their terms makes `terms` several times faster.
@lru_cache(maxsize=65_536)
def _word_terms(word: str) -> tuple[str, ...]:
    word = _POSSESSIVE.sub("", word)
    parts = [part for piece in _JOINT.split(word) for part in _CAMEL.split(piece)]
    if len(parts) == 1:
        return (_term(word),)
    whole = _DROPPED_JOINT.sub("", word)
    return tuple(dict.fromkeys([_term(whole), *map(_term, parts)]))


def _term(word: str) -> str:
    word = word.casefold()
    if word.isascii():
        return _without_ending(word)
    return _ACCENT.sub("", unicodedata.normalize("NFD", word))


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


@lru_cache(maxsize=1)
def _stop_terms() -> frozenset[str]:
    return frozenset(terms(_STOP_WORDS))
