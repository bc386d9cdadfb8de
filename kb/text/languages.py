"""Which language a question is written in, as far as a routing rule needs to know.

Scripts decide where they can; the languages of the Latin script are told apart by their commonest
words, which hold up on whole questions and not on single words: then the answer is None.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

WIDE_WEIGHT = 3
"""Letters that one character of an unspaced script stands for, as a Chinese question about an
English product name holds more Latin letters than Han."""

_SCRIPTS: Mapping[str, str] = {
    "ja": "\u3040-\u30ff",
    "ko": "\u1100-\u11ff\uac00-\ud7af",
    "zh": "\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff",
    "th": "\u0e00-\u0e7f",
    "ru": "\u0400-\u04ff",
    "ar": "\u0600-\u06ff",
    "he": "\u0590-\u05ff",
    "el": "\u0370-\u03ff",
    "hi": "\u0900-\u097f",
    "latin": "a-z\u00df-\u024f",
}
_UNSPACED = ("ja", "ko", "zh", "th")
_CHARACTER = re.compile("|".join(f"(?P<{name}>[{span}])" for name, span in _SCRIPTS.items()))
_TELLTALES: Mapping[str, Mapping[str, str]] = {"ru": {"uk": "іїєґ"}, "ar": {"fa": "پچژگ"}}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WORDS: Mapping[str, frozenset[str]] = {
    "en": _words(
        "the is are was were do does did what which who how when where why can could should would "
        "will have has of to for with from on it i my you your and not this that there if"
    ),
    "de": _words(
        "der die das den dem ein eine einen ist sind war wie wer wo wann warum welche welcher kann "
        "können muss ich mein meine wir sie und nicht mit von für auf zu im bei gibt es hat"
    ),
    "fr": _words(
        "le la les un une des du de est sont était comment quel quelle quels qui que quoi où quand "
        "pourquoi combien puis peut je mon ma nous vous et ne pas avec pour dans sur il y ce"
    ),
    "es": _words(
        "el la los las un una es son está están cómo como qué cuál quién dónde cuándo cuánto por "
        "puedo puede mi yo usted y no con para del de en hay se al que"
    ),
    "it": _words(
        "il lo la gli le un una è sono come che cosa quale chi dove quando perché quanto posso può "
        "mio mia io e non con per del della di nel nella ci si al c'è"
    ),
    "pt": _words(
        "o a os as um uma é são está como que qual quem onde quando quanto posso pode meu minha eu "
        "você e não com para do da dos das de no na em há se ao por"
    ),
    "nl": _words(
        "de het een is zijn was hoe wat welke wie waar wanneer waarom kan kunnen moet ik mijn wij "
        "jij u en niet met van voor op in bij er heeft dit dat te"
    ),
}
_LETTERS: Mapping[str, str] = {"de": "ß", "es": "ñ¿¡", "pt": "ãõ", "fr": "œ"}
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")

LANGUAGES = frozenset({*_SCRIPTS, *_WORDS, "uk", "fa"} - {"latin"})
"""Every code that `language_of` may return (ISO 639-1)."""


def language_of(text: str) -> str | None:
    """The language most of a text is written in, None where it cannot be told.

    Any kana makes Han Japanese; Han alone is Chinese.
    """
    folded = text.casefold()
    letters: Counter[str] = Counter()
    for match in _CHARACTER.finditer(folded):
        name = match.lastgroup or ""
        letters[name] += WIDE_WEIGHT if name in _UNSPACED else 1
    if letters["ja"]:
        letters["ja"] += letters.pop("zh", 0)
    if not letters:
        return None
    script = max(letters, key=lambda name: letters[name])
    if script == "latin":
        return _by_words(folded)
    for language, telltale in _TELLTALES.get(script, {}).items():
        if any(character in folded for character in telltale):
            return language
    return script


def _by_words(folded: str) -> str | None:
    words = _WORD.findall(folded)
    counts = {
        language: sum(word in known for word in words)
        + sum(character in folded for character in _LETTERS.get(language, ""))
        for language, known in _WORDS.items()
    }
    (best, most), (_, second), *_ = sorted(counts.items(), key=lambda item: -item[1])
    return best if most > second else None
