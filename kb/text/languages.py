"""Which language a question is written in, as far as a routing rule or a follow-up needs to know.

py3langid tells languages apart by byte sequences, scripts included. Loading it takes half a second
and 77 MB, so it is loaded for the first question that is asked about.
"""

from __future__ import annotations

from functools import cache
from typing import Any

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


def language_of(text: str) -> str | None:
    """The language most of a text is written in, None where it cannot be told."""
    language: str = _identifier().classify(text[:LOOKED_AT_CHARACTERS])[0]
    return language if language in LANGUAGES else None


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    found = LanguageIdentifier.from_model_file(
        MODEL_FILE, norm_probs=True, min_confidence=LEAST_CONFIDENCE
    )
    found.set_languages(LANGUAGES)
    return found
