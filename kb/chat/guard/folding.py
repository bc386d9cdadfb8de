"""One spelling for all spellings: what is left of a text when markup and disguise are folded away.

Prompt and answer go through the same folding, so what they share is found however it is written.
Letters stay, in lower case and without accents; white space becomes a blank; punctuation and
invisible characters go. Full-width and styled forms, look-alikes (`confusables.txt`, which
`bench.confusables` makes of Unicode's own list) and digits inside words count as the letters that
they look like. Other numbers go, because a model numbers words by itself.
"""

from __future__ import annotations

import html
import re
import unicodedata
from pathlib import Path

from kb.text.folding import simplified
from kb.text.scripts import HAN_KANA_HANGUL

WIDE = re.compile(f"[{HAN_KANA_HANGUL}]")

OPENED, CLOSED = "\1", "\2"
"""Where a tag or a link target begins, and where it may end."""

_LETTER = f"[^\\W\\d_{HAN_KANA_HANGUL}]"
_OPENING = re.compile(r"(?<=<)(?=[A-Za-z/!])|(?<=\]\()(?=[^\s)])")
_INSIDE = re.compile(f"{OPENED}[^{OPENED}{CLOSED}]{{0,64}}{CLOSED}|[{OPENED}{CLOSED}]")
_ESCAPE = re.compile(r"(?<=&)#?\w{1,8};|(?<=%)[\dA-Fa-f]{2}|(?<=\\)(?:u[\dA-Fa-f]{4}|[nrtbf])")
_OPEN = re.compile(
    r"(?:(?<=&)#?\w{0,8}|(?<=%)[\dA-Fa-f]|(?<=\\)u[\dA-Fa-f]{0,3}"
    rf"|(?<!{_LETTER})(?<!\d)\d{{1,20}})$"
)
_MARKS = re.compile(r"[<(&%\\\d]")
_NUMBER = re.compile(rf"(?<!{_LETTER})(?<!\d)\d+(?!\d)(?!{_LETTER})")
_NAME = re.compile(r"\b(?:LATIN|REGIONAL).* LETTER (?:[A-Z]{2,} )*([A-Z])\b")
_TAGS = range(0xE0020, 0xE007F)  # invisible copies of ASCII
_ALIKE = str.maketrans(*Path(__file__).with_name("confusables.txt").read_text("utf-8").splitlines())
_LEET = str.maketrans("013457@$ij", "oleastasll")


class _Folding(dict[int, str | None]):
    """A table for `str.translate` that grows by the characters it meets.

    What is left out is None and not "", with which ASCII text would take a slow path.
    """

    def __missing__(self, code: int) -> str | None:
        self[code] = folded = _folded(chr(code - 0xE0000 if code in _TAGS else code)) or None
        return folded


def _folded(character: str) -> str:
    if character.isspace():
        return " "
    plain = unicodedata.normalize("NFKD", simplified(character))
    text = unicodedata.normalize("NFKD", plain.casefold())
    text = "".join(map(_look, text)).translate(_ALIKE).translate(_LEET)
    text = "".join(filter(str.isalnum, text))
    return f" {text} " if WIDE.match(text) else text


def _look(character: str) -> str:
    named = None if character.isascii() else _NAME.search(unicodedata.name(character, ""))
    return named[1].lower() if named else character


_FOLDING = _Folding({ord(OPENED): OPENED, ord(">"): CLOSED, ord(")"): CLOSED})
"""Only ever remembers what `_folded` says, so sharing it is harmless."""


class Folder:
    """Folds a text that comes in pieces; the result does not depend on how it was cut."""

    def __init__(self) -> None:
        self._before = "\n\n"
        self._open = ""

    @property
    def open(self) -> int:
        """Characters at the end of what came that wait for the end of an entity or an escape. A
        number waits only to be read, not to be shown: it may be the beginning of a word."""
        return 0 if self._open[:1].isdigit() else len(self._open)

    def feed(self, text: str) -> str:
        """The folded text, with `OPENED` and `CLOSED` around what stands in tags and targets."""
        text = self._before + self._open + text
        self._open = ""
        if _MARKS.search(text):
            if found := _OPEN.search(text, 2):
                text, self._open = text[: found.start()], found[0]
            text = text[:2] + _ESCAPE.sub(_unescaped, text)[2:]
            text = text[:2] + _OPENING.sub(OPENED, _NUMBER.sub(" ", text))[2:]
        self._before = text[-2:]
        return text[2:].translate(_FOLDING)

    def finish(self) -> str:
        """What was waiting, read as the text that it turned out to be."""
        rest, self._open = self._open, ""
        return _NUMBER.sub(" ", self._before + rest)[2:].translate(_FOLDING)


def fold(text: str) -> str:
    """The folded text of a whole one, without what stands in short tags and targets."""
    folder = Folder()
    return _INSIDE.sub("", folder.feed(text) + folder.finish())


def letters(text: str) -> str:
    """The folded text without blanks."""
    return fold(text).replace(" ", "")


def _unescaped(escape: re.Match[str]) -> str:
    said = escape[0]
    if escape.string[escape.start() - 1] == "&":
        return html.unescape(f"&{said}")
    return chr(int(said.lstrip("u"), 16)) if len(said) > 1 else " "
