"""Whether two questions may ask the same: which of their words only one of them has.

Meaning alone cannot tell: "… per year?" and "… per month?" are as near as two wordings of one
question, and so are "Who opened it?" and "When was it opened?".
"""

from __future__ import annotations

import math
import re
import tomllib
from functools import lru_cache
from importlib.resources import files

from kb.text.asking import REMEMBERED_QUESTIONS, language_by_words
from kb.text.folding import fold
from kb.text.scripts import UNSPACED
from kb.text.stemming import stemmed
from kb.text.terms import asked_identifiers

_TOKEN = re.compile(rf"[{UNSPACED}]|[^\W_{UNSPACED}]+(?:[-.,:/_][^\W{UNSPACED}]+)*")
_READ = tomllib.loads((files("kb.chat.ask") / "same_question.toml").read_text("utf-8"))
_NEVER, _DIRECTIONS = (frozenset(fold(_READ[name]).split()) for name in ("never", "directions"))
_SILENT = {code: frozenset(fold(words).split()) for code, words in _READ["silent"].items()}


def differing_words(one: str, other: str) -> float:
    """How many words only one of two questions has, those without meaning left out.

    Infinite where their numbers, identifiers or negations differ: then they never ask the same.
    """
    apart = _telling(one) ^ _telling(other)
    is_other = any(map(_is_never_same, apart)) or asked_identifiers(one) != asked_identifiers(other)
    return math.inf if is_other else len(apart)


@lru_cache(maxsize=REMEMBERED_QUESTIONS)
def _telling(question: str) -> frozenset[str]:
    plain, silent = fold(question).casefold(), _SILENT[language_by_words(question)] | _SILENT["zh"]
    for spelling, instead in _READ["spellings"]:
        plain = re.sub(spelling, instead, plain)
    words = [stemmed(word) for word in _TOKEN.findall(plain) if word not in silent]
    pairs = zip(["", *words], words, strict=False)
    return frozenset(f"{last} {word}" if last in _DIRECTIONS else word for last, word in pairs)


def _is_never_same(told: str) -> bool:
    return told.rpartition(" ")[2] in _NEVER or any(map(str.isdigit, told))
