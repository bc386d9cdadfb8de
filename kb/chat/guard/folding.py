"""One spelling for all spellings: what is left of a text when its disguise is taken off.

Prompt and answer go through the same folding, so what they share is found however it is written:
letters and digits stay, in lower case and without accents; blanks, line breaks, punctuation,
zero-width characters, full-width and mathematical forms, look-alike letters and the commonest
digits for letters make no difference. Numbers of list items, table rows and citation marks are left
out, because a model sets them between words by itself, and so is what `%20` stands for.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import accumulate

from kb.text.scripts import HAN_KANA_HANGUL

CONTEXT = 32
"""Characters before a piece of text that decide whether a digit in it numbers something."""

_WIDE = re.compile(f"[{HAN_KANA_HANGUL}]")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_NARROW = re.compile(f"[^\\W_{HAN_KANA_HANGUL}]")
_DIGIT = re.compile(r"\d")
_NUMBERING = re.compile(
    r"(?:[\r\n][\s>*#•-]{0,8}(?=\d)|[\[［【(（|])([\d ,，、]{1,20})|%(\d[\dA-Fa-f]?)"
)

_ALIKE = str.maketrans(
    "аеорсухіѕјһквмтнαορικτυνε013457iᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ",
    "aeopcyxlsjhkbmthaoplktuveoleastlabcdefghljklmnoprstuvwyz",
)
_TAGS = range(0xE0020, 0xE007F)  # invisible copies of ASCII


class _Folding(dict[int, str | None]):
    """A table for `str.translate` that grows by the characters it meets.

    What is left out is None and not "", with which ASCII text would take a slow path.
    """

    def __missing__(self, code: int) -> str | None:
        self[code] = folded = _folded(chr(code - 0xE0000 if code in _TAGS else code)) or None
        return folded


def _folded(character: str) -> str:
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    return "".join(letter for letter in text.translate(_ALIKE) if letter.isalnum())


_FOLDING = _Folding()  # only ever remembers what `_folded` says, so sharing it is harmless


def spelled(text: str) -> str:
    """The folded text, numbers of list items and the like included."""
    return text.translate(_FOLDING)


NUMBERING = frozenset(spelled("0123456789"))
"""What the numbers of list items are spelled with: they may stand between words of any text."""


def fold(text: str, before: str = "\n") -> str:
    """The folded text.

    Args:
        before: the last `CONTEXT` characters that stood before it, where text comes in pieces.
    """
    if _DIGIT.search(text) or before[-2:-1] == "%":
        text = _without_numbering(text, before)
    return spelled(text)


def folded_words(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The folded text, and where its words stand in it; characters of CJK scripts make no words."""
    text = _without_numbering(text, "\n")
    parts: list[str] = []
    words: list[tuple[int, int]] = []
    length = position = 0
    for match in _WORD.finditer(text):
        between = text[position : match.start()].translate(_FOLDING)
        word = match[0].translate(_FOLDING)
        start = length + len(between)
        length = start + len(word)
        if word and _NARROW.search(match[0]):
            words.append((start, length))
        parts += (between, word)
        position = match.end()
    parts.append(text[position:].translate(_FOLDING))
    return "".join(parts), words


def weights(folded: str) -> list[int]:
    """The units of each beginning of a folded text, from the empty one to the whole."""
    single = [1] * len(folded)
    for match in _WIDE.finditer(folded):
        single[match.start()] = 2
    return list(accumulate(single, initial=0))


def units(folded: str) -> int:
    """How much a folded text says: 1 for a letter, 2 for a character of a CJK script."""
    return len(folded) + len(_WIDE.findall(folded))


def _without_numbering(text: str, before: str) -> str:
    joined = before[-CONTEXT:] + text
    begin = position = len(joined) - len(text)
    kept: list[str] = []
    for match in _NUMBERING.finditer(joined):
        if match.end() > begin:
            number = match.start(match.lastindex or 0)
            kept.append(joined[position : max(number, begin)])
            position = match.end()
    kept.append(joined[position:])
    return "".join(kept)
