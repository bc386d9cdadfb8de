"""Which encoding the bytes of a text are most likely in.

Every encoding in which all of the bytes are valid is tried; the one whose characters are the most
likely ones wins, and the lead over the next one that would give another text is the confidence.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ingest.sniff.character_frequencies import EncodingCandidate, all_candidates, utf16_candidates

_IMPOSSIBLE = 1e-9
_OUT_OF_PLACE = 1e-5
"""Ten times more or less of either decides none of 359 slices of texts in 8 languages otherwise."""
_WORST_MEAN = -15.0
"""Mean log chance per character below which no match is believed: right ones of 200 characters had
-8.7 and more in 245 slices."""
_WORST_WIDE_MEAN = -9.0
"""The same for UTF-16: Chinese, Japanese and Korean had -8.1 and more, already in 40 characters."""
_FIRST_LOOK_BYTES = 4096
_LOOKED_AT_TWICE = 8
"""Of a long sample, all candidates are ranked by its beginning, the best of them by all of it."""

_CAPITAL = 0.15
"""How likely a word is to begin with a capital or to be in capitals."""

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_WORD_INSIDE = re.compile(r"(?<=[A-Za-z])[^\W\d_A-Za-z]|[^\W\d_A-Za-z](?=[A-Za-z])")
_SIGN_INSIDE = re.compile(r"(?<=[^\W\d_])[^\w\s\x00-\x7f’\u00a0·](?=[^\W\d_])")
_SIGN_RUN = re.compile(r"[^\w\s\x00-\x7f]{3,}")
_ONE_INSIDE = re.compile(r"(?<=[a-z])[^\x00-\x7f](?=[a-z])")
_SIGMA = re.compile(r"σ\b|ς\B")
_FOREIGN_WORD = re.compile(r"[^\W\d_A-Za-z]{3,}")
_FOREIGN_LETTER = re.compile(r"[^\W\d_A-Za-z]")
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class EncodingMatch:
    """A way to read bytes: its text sample, how likely it is (log), per character and in all."""

    candidate: EncodingCandidate
    sample: str
    score: float
    mean: float

    @property
    def encoding(self) -> str:
        """Python's name of the encoding."""
        return self.candidate.encoding


def encoding_matches(sample: bytes) -> list[EncodingMatch]:
    """All believable ways to read a sample in bytes beyond ASCII, the most likely first."""
    cut = sample.rfind(b"\n", 0, _FIRST_LOOK_BYTES)
    if len(sample) <= _FIRST_LOOK_BYTES or cut < 0:
        return _ranked(sample, all_candidates())
    best = [match.candidate for match in _ranked(sample[:cut], all_candidates())[:_LOOKED_AT_TWICE]]
    return _ranked(sample, best) or _ranked(sample, all_candidates())


def utf16_matches(sample: bytes) -> list[EncodingMatch]:
    """The same for UTF-16 without a byte order mark that is East Asian all through."""
    if len(sample) % 2:
        return []
    found = _ranked(sample, (*utf16_candidates("utf-16-le"), *utf16_candidates("utf-16-be")))
    return [match for match in found if match.mean > _WORST_WIDE_MEAN]


def _ranked(sample: bytes, candidates: Sequence[EncodingCandidate]) -> list[EncodingMatch]:
    texts: dict[str, str | None] = {}
    found = []
    for candidate in candidates:
        if candidate.encoding not in texts:
            texts[candidate.encoding] = strictly(sample, candidate.encoding)
        text = texts[candidate.encoding]
        if text is None:
            continue
        score, characters = _score(text, candidate)
        if characters and score / characters >= _WORST_MEAN:
            score += math.log(candidate.prior)
            found.append(EncodingMatch(candidate, text, score, score / characters))
    return sorted(found, key=lambda match: -match.score)


def confidence(best: EncodingMatch, others: list[EncodingMatch]) -> float:
    """How sure the best match is: 0.5 (another text is as likely) to 0.99.

    Rare characters all over lower it: nothing else fits, but this hardly does either.
    """
    rival = max((one.score for one in others if one.sample != best.sample), default=-math.inf)
    lead = 1 / (1 + math.exp(-min(40.0, (best.score - rival) / 2)))
    common = 1.0 if best.mean > -10 else 0.75
    return round(max(0.5, min(0.99, lead * common)), 2)


def strictly(data: bytes, encoding: str) -> str | None:
    """The text if every byte of the data is valid in the encoding, else None."""
    try:
        return data.decode(encoding)
    except (UnicodeError, LookupError):
        return None


def _score(text: str, candidate: EncodingCandidate) -> tuple[float, int]:
    """Log chance of the characters beyond ASCII, and how many they are."""
    shown = text if candidate.script == "han" else text.replace("İ", "ı").lower()
    foreign = Counter(character for character in shown if character > "\x7f")
    score = sum(
        count * math.log(candidate.frequencies.get(character, _IMPOSSIBLE))
        for character, count in foreign.items()
    )
    controls = len(_CONTROL.findall(text))
    score += math.log(_IMPOSSIBLE) * controls + _score_of_words(text, candidate.script)
    return score, foreign.total() + controls


def _score_of_words(text: str, script: str) -> float:
    """What capitals cost, and characters that stand where those of their script do not."""
    if script == "han":
        return len(_ONE_INSIDE.findall(text)) * math.log(_OUT_OF_PLACE)
    words = [w for w in _WORD.findall(text) if not w.isascii() and w != w.lower()]
    odd = [word for word in words if _has_capital_inside(word)]
    wrong = len(odd) + (_alphabet_errors(text) if script == "alphabet" else _accent_errors(text))
    return len(words) * math.log(_CAPITAL) + wrong * math.log(_OUT_OF_PLACE)


def _has_capital_inside(word: str) -> bool:
    """Whether a capital beyond ASCII follows a small letter, as wrong encodings have it."""
    return any(
        second > "\x7f" and second.isupper() and first.islower() for first, second in pairwise(word)
    )


def _alphabet_errors(text: str) -> int:
    """Letters next to ASCII ones, wrong sigmas; all letters, if there is not one whole word."""
    if _FOREIGN_WORD.search(text) is None:
        return len(_FOREIGN_LETTER.findall(text))
    return len(_WORD_INSIDE.findall(text)) + len(_SIGMA.findall(text))


def _accent_errors(text: str) -> int:
    rows = sum(match.end() - match.start() - 2 for match in _FOREIGN_WORD.finditer(text))
    words: list[str] = _WORD.findall(text)
    alone = sum(len(word) == 1 and word > "\x7f" and word.isupper() for word in words)
    signs = len(_SIGN_INSIDE.findall(text)) + len(_SIGN_RUN.findall(text))
    return rows + alone + signs
