"""Check boxes and other signs of the fonts that draw signs in the place of letters."""

from __future__ import annotations

_PRIVATE_USE = 0xF000
_SIGNS = {
    "wingdings": {
        **dict.fromkeys((0x6F, 0x70, 0x71, 0x72, 0xA8), "☐"),
        **dict.fromkeys((0x78, 0xFD, 0xFE), "☒"),
        **{0xFB: "✗", 0xFC: "✓", 0xA1: "○", 0xA4: "◉", 0x6C: "●", 0x6E: "■"},
        **{0xE0: "→", 0xE8: "➔", 0xDF: "←", 0xA7: "▪", 0xD8: "➢", 0x28: "☎", 0x2A: "✉"},
    },
    "wingdings 2": {
        **dict.fromkeys((0x2A, 0x30, 0xA3, 0x98, 0x99), "☐"),
        **dict.fromkeys((0x51, 0x52, 0x53, 0x54, 0x55, 0x56), "☒"),
        **{0x4F: "✗", 0x50: "✓", 0x81: "○", 0x84: "◉"},
    },
    "webdings": {0x61: "✓", 0x63: "☐", 0x72: "✗", 0x67: "■"},
    "symbol": {
        **{0xB7: "•", 0xB0: "°", 0xB1: "±", 0xB3: "≥", 0xA3: "≤", 0xB4: "×", 0xB9: "≠", 0xB2: "″"},
        **{0xA5: "∞", 0xAE: "→", 0xAC: "←", 0x6D: "μ", 0x44: "Δ", 0x57: "Ω", 0x53: "Σ", 0x70: "π"},
        **{0x61: "α", 0x62: "β", 0x67: "γ", 0x64: "δ", 0x6C: "λ", 0x73: "σ", 0x66: "φ", 0xA0: "€"},
    },
}
"""By the code in the font. Ticked boxes are ☒, however they are drawn."""


def is_symbol_font(font: str) -> bool:
    """Whether a font has signs where others have letters."""
    return font.strip().lower() in _SIGNS


def symbol(font: str, code: str) -> str:
    """The sign that a font draws for a hexadecimal code; empty where the code says nothing."""
    try:
        value = int(code, 16)
    except ValueError:
        return ""
    return drawn(font, chr(value)) if 0x20 <= value <= 0xFFFF else ""


def drawn(font: str, text: str) -> str:
    """What text in that font looks like; letters of other fonts stay as they are."""
    signs = _SIGNS.get(font.strip().lower())
    is_greek = font.strip().lower() == "symbol"  # digits and punctuation stay what they are
    shown = []
    for letter in text:
        private = 0 <= ord(letter) - _PRIVATE_USE < 0x100
        code = ord(letter) - _PRIVATE_USE if private else ord(letter)
        if signs is not None and code < 0x100:
            shown.append(signs.get(code, letter if is_greek and not private else ""))
        elif not 0xE000 <= ord(letter) <= 0xF8FF:
            shown.append(letter)
    return "".join(shown)
