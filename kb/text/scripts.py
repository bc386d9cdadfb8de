"""Characters of the scripts, as the insides of a regular expression's brackets, the one table; and
numbers in Han characters.

The narrow ranges came first in what is stored or measured with them, so they stay beside the whole
ones: `HAN_KANA_HANGUL` in sentences and the prompt gate, `VOCABULARY_SCRIPTS` in coverage.
"""

from __future__ import annotations

HAN = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
KANA = "\u3040-\u30ff\u31f0-\u31ff"
HANGUL = "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"
SOUTH_EAST = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
"""Thai, Lao, Myanmar and Khmer, which are written without spaces, too."""
UNSPACED = HAN + KANA + HANGUL + SOUTH_EAST

COMMON_HAN = "\u3400-\u4dbf\u4e00-\u9fff"
HAN_KANA_HANGUL = (
    "\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
WIDE = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f"
"""Characters as wide as two letters."""

VOCABULARY_SCRIPTS = {
    "han": "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff",
    "kana": "\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f",
    "hangul": HANGUL,
    "thai": "\u0e00-\u0e7f",
    "lao": "\u0e80-\u0eff",
    "burmese": "\u1000-\u109f",
    "khmer": "\u1780-\u17ff",
}
"""The unspaced scripts of which a model's vocabulary holds single characters."""

_DIGITS = {d: n for n, d in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_TENS = {"十": 10, "百": 100, "千": 1000}
HAN_NUMERAL = "零〇一二三四五六七八九十百千两\\d"


def value(number: str) -> int:
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
