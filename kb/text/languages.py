"""Which language a question is written in, as far as a routing rule, a follow-up, or who answers
needs to know.

py3langid tells languages apart by byte sequences, scripts included. Loading it takes half a second
and 77 MB, so it is loaded for the first question that is asked about.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

from kb.text.scripts import COMMON_HAN

_CODES = "ar bg cs da de el en es fa fi fr he hi hu id it ja ko nl no pl pt ro ru sv th tr uk vi zh"
LANGUAGES = frozenset(_CODES.split())
"""Every code that `language_of` may return (ISO 639-1). Those of neighbours are among them, so that
a Polish question does not count as a Dutch one."""

LEAST_CONFIDENCE = 0.5
"""Below it the language counts as unknown. Of the texts in `tests/kb/text/test_languages.py` the 90
short questions in 18 languages get 0.58 and more for their own, names and signs such as "kubectl"
or "42?" at most 0.26 for any, and short follow-ups such as "And for interns?" at most 0.49 for a
wrong one."""

LOOKED_AT_CHARACTERS = 1000

REMEMBERED_TEXTS = 1024
"""A search asks four times for the language of its question, 0.1 to 0.3 ms each; 1 MB."""

_HAN = re.compile(f"[{COMMON_HAN}]")
_LATIN = re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")
_CHARACTER_SETS = {"zh": "gb2312", "zh-Hant": "big5", "ja": "shift_jis"}


def language_of(text: str) -> str | None:
    """The language most of a text is written in, None where it cannot be told."""
    return _told(text[:LOOKED_AT_CHARACTERS])


@lru_cache(maxsize=REMEMBERED_TEXTS)
def _told(text: str) -> str | None:
    language: str = _identifier().classify(text)[0]
    return language if language in LANGUAGES else None


def spoken_language(query: str, earlier: Sequence[str] = ()) -> str:
    """The language in which to answer: that of the question, or, where it is too short to tell, of
    what was said before. If that does not tell either, it is the likeliest language of a text in
    other letters than Latin, and else English.

    Args:
        earlier: what was said before, oldest first.

    Returns:
        One of `LANGUAGES`, or "zh-Hant" for Chinese in traditional characters.
    """
    latest = next(filter(None, map(_likely, reversed(earlier))), None)
    own = _likely(query)
    is_doubtful = language_of(query) is None or (
        own in ("zh", "zh-Hant") and latest in ("ja", "zh-Hant") and _is_writable(query, latest)
    )
    return (latest if is_doubtful else None) or own or "en"


def _likely(text: str) -> str | None:
    """The language of a text; that of one in other letters than Latin however sure."""
    language = language_of(text)
    if language is None and not _LATIN.search(text) and any(map(str.isalpha, text)):
        language = _identifier().rank(text)[0][0]
    is_traditional = not _is_writable(text, "zh") and _is_writable(text, "zh-Hant")
    return "zh-Hant" if language == "zh" and is_traditional else language


def _is_writable(text: str, language: str) -> bool:
    """Whether every Chinese character of a text is one of a language's own."""
    try:
        "".join(_HAN.findall(text)).encode(_CHARACTER_SETS[language])
    except UnicodeEncodeError:
        return False
    return True


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    found = LanguageIdentifier.from_model_file(
        MODEL_FILE, norm_probs=True, min_confidence=LEAST_CONFIDENCE
    )
    found.set_languages(LANGUAGES)
    return found
