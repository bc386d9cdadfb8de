"""Check boxes and other signs of the fonts that draw signs in the place of letters."""

from __future__ import annotations

_PRIVATE_USE = 0xF000
SIGN_FONTS = {
    "wingdings": {
        0x20: " ",
        **dict.fromkeys((0x6F, 0x70, 0x71, 0x72, 0xA8), "☐"),
        **dict.fromkeys((0x78, 0xFD, 0xFE), "☒"),
        **{0xFB: "✗", 0xFC: "✓", 0xA1: "○", 0xA4: "◉", 0x6C: "●", 0x6E: "■", 0xE0: "→"},
    },
    "wingdings 2": {
        0x20: " ",
        **dict.fromkeys((0x2A, 0x30, 0xA3, 0x98, 0x99), "☐"),
        **dict.fromkeys((0x51, 0x52, 0x53, 0x54, 0x55, 0x56), "☒"),
        **{0x4F: "✗", 0x50: "✓", 0x81: "○", 0x84: "◉"},
    },
}
"""By the font's name in small letters and its code. Ticked boxes are ☒, however they are drawn."""


def symbol(font: str, code: str) -> str:
    """The sign that a font draws for a hexadecimal code; empty where the code says nothing."""
    try:
        value = int(code, 16)
    except ValueError:
        return ""
    text = drawn(font, chr(value)) if 0x20 <= value <= 0xFFFF else ""
    return "" if "\ue000" <= text <= "\uf8ff" else text


def drawn(font: str, text: str) -> str:
    """What text in a font looks like: itself, except in fonts of signs."""
    signs = SIGN_FONTS.get(font.strip().lower())
    if signs is None:
        return text
    codes = (ord(sign) % _PRIVATE_USE for sign in text)
    return "".join(signs.get(code, "") if code < 0x100 else chr(code) for code in codes)
