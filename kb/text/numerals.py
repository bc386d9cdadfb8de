"""Numbers in Han characters and in digits."""

from __future__ import annotations

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
