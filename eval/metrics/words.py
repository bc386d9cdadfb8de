"""How answers and texts are made comparable: case, width, punctuation, and scripts without blanks.

Two forms, for two uses. `answer_units` is that of the question answering metrics, which delete
punctuation; `searchable` is for finding an answer inside of a text, where 1990–2000 holds 1990.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from kb.text.sentences import HAN_KANA_HANGUL

UNSPACED = f"{HAN_KANA_HANGUL}\u0e00-\u0e7f\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff"
"""Characters of scripts that do not mark words (and Hangul, whose endings change a word)."""

_UNIT = re.compile(f"[{UNSPACED}]|[^\\s{UNSPACED}]+")
_SEARCHED = re.compile(f"[{UNSPACED}]|[^\\W_{UNSPACED}]+")
_ARTICLE = re.compile(r"\b(?:a|an|the)\b")
REMEMBERED = 4096


def answer_units(text: str) -> list[str]:
    """The units of an answer: words of spaced scripts, single characters of the others.

    Small letters, full width made half (NFKC), punctuation and the articles a, an, the removed.

    Source:
        The evaluation script of SQuAD (Rajpurkar et al., EMNLP 2016), with the punctuation of
        Unicode instead of ASCII as MLQA has it (Lewis et al., ACL 2020), and Chinese in characters
        as CMRC 2018 has it (Cui et al., EMNLP 2019).
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    plain = "".join(c for c in folded if not unicodedata.category(c).startswith(("P", "S")))
    return _UNIT.findall(_ARTICLE.sub(" ", plain))


@lru_cache(maxsize=REMEMBERED)
def searchable(text: str) -> str:
    """The words of a text between blanks, one blank at each end: `searchable(a) in searchable(b)`
    says whether the words of a stand in b, whole and in order.

    Case, width, punctuation and line breaks do not count; a character of an unspaced script is a
    word of its own. Blank if there are no words.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = _SEARCHED.findall(folded)
    return f" {' '.join(words)} " if words else ""
