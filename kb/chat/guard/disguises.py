"""Takes encodings off an answer, also with separators in between: ROT13, base64, base32,
hexadecimal and character codes; base64 and hexadecimal also backwards, and all of them twice.
Follows words that are said from the last to the first, or each of them backwards.

What is decoded is only ever compared with the prompt, never shown. Text that was not encoded
decodes to noise, which shares nothing with any prompt.
"""

from __future__ import annotations

import base64
import binascii
import re
import string
import unicodedata
from collections.abc import Callable, Iterator

from kb.chat.guard.folding import fold, spelled

RECENT = 512
"""Characters of an answer that are looked at for an encoding."""

LOUD = re.compile(r"[A-Z0-9+/]")
"""What encoded text is full of and prose is not."""

_LOUD_ENOUGH = 8
_LOOKED_AT = 48  # encoded characters among which so many must be loud
_LETTERED = 0.2  # share of letters that base64 has at least, even between numbered lines
_LETTERLESS = 24  # characters without a letter that are not base64
_NEAR = 256  # characters among which those are, separators and all; bits need more
_DECODED = 80  # encoded characters that are decoded: enough for a run in any script

_LETTERS = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"

ORDER_RUN, ORDER_WORDS = 28, 6
"""Folded characters and words that may not stand in turned order; a few words do so in any text,
and one long word has no order. Numbers do not count as words: whoever counts down turns them."""

LETTERS_RUN = 12
"""Folded letters that may not stand in words said backwards: prose never holds them (none of
5,000 answers of `bench.guard`)."""

_LONGEST_WORD = 64
_BETWEEN = re.compile(r"[\s_/|;,<>-]+")


class _Only(dict[int, str | None]):
    """A table for `str.translate` that leaves out what it does not know, and notes that."""

    def __missing__(self, code: int) -> None:
        self[code] = None


_BASE64 = _Only({**{ord(letter): letter for letter in _LETTERS}, ord("-"): "+", ord("_"): "/"})
_HALF_TURNED = _Only(
    {
        ord(letter): fold(string.ascii_lowercase[(place + 13) % 26])
        for letters in (string.ascii_lowercase, string.ascii_uppercase)
        for place, letter in enumerate(letters)
    }
)
_BETWEEN_BYTES = "xu"  # of 0x, \x, \u, U+ and &#x; the rest of them are not letters
_HEX_DIGITS = string.hexdigits[:16]
_HEX = _Only(
    {
        ord(character): character
        for character in string.ascii_lowercase + string.digits
        if character not in _BETWEEN_BYTES
    }
)
_NOT_BASE32 = re.compile(r"[^A-Z2-7]")
_NOT_BITS = re.compile(r"[^01]")
_NUMBER = re.compile(r"\d+")
_CODES = 12  # numbers in a row that may be characters
_CODES_READ = 24  # numbers that are read as characters, one each
_BYTES_READ = 60  # numbers that are read as bytes: enough for a run in any script
_NOT_OCTAL = re.compile(r"[89]")
_PLAIN = re.compile(r"[A-Za-z0-9+/= \n]")
_PRINTABLE = 0.9  # share of what was decoded that is text: it may have been encoded twice


def plain_width(text: str) -> str:
    """The text with full-width and similar forms as the characters they stand for."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def patience(recent: str) -> int:
    """Characters to wait before the end of an answer is decoded again: only codes that take several
    for each letter have no letters."""
    return 5 if any(map(str.isalpha, recent[-_LETTERLESS:])) else 24


def rot13(text: str) -> str:
    """The letters of a text turned by half the alphabet and folded; nothing else is kept."""
    return text.translate(_HALF_TURNED)


def decoded(recent: str, *, least: int, letters: frozenset[str]) -> Iterator[str]:
    """What the end of an answer says if it is encoded, folded, for every place to begin.

    Args:
        least: shorter texts are left out: they are too little to tell anything.
        letters: what folded prompts consist of; text that has others at both ends is noise.
    """
    for said in _decoded_once(recent):
        if _is_noise(said, least):
            continue
        yield from _known(said, least, letters)
        if said.isascii() and _is_plain(said):
            yield rot13(said)
            for twice in _decoded_once(said):
                if not _is_noise(twice, least):
                    yield from _known(twice, least, letters)


def _decoded_once(recent: str) -> Iterator[str]:
    near = recent[-_NEAR:]
    dense = near.translate(_BASE64)[-_DECODED:]
    looked_at = dense[-_LOOKED_AT:]
    loud, letters = len(LOUD.findall(looked_at)), sum(map(str.isalpha, looked_at))
    if loud < _LOUD_ENOUGH:
        return
    digits = _hex_digits(near)
    if letters >= _LETTERED * len(looked_at):
        for turned in (dense, dense[::-1]):
            for part in _phases(turned, 4):
                yield binascii.a2b_base64(part).decode("utf-8", "ignore")
    for turned in (digits, digits[::-1]):
        for part in _phases(turned, 2):
            yield bytes.fromhex(part).decode("utf-8", "ignore")
    for part in _phases(digits, 4):
        yield bytes.fromhex(part).decode("utf-16-be", "ignore")
    if loud < _LOOKED_AT // 2:
        return
    yield from _from_codes(recent)
    if loud >= _PRINTABLE * len(looked_at) and letters >= len(looked_at) // 2:
        for part in _phases(_NOT_BASE32.sub("", near)[-_DECODED:], 8):
            yield base64.b32decode(part).decode("utf-8", "ignore")


def _phases(text: str, size: int) -> Iterator[str]:
    """A text cut to whole groups, for every place where its first group may begin."""
    for phase in range(size):
        yield text[phase : len(text) - (len(text) - phase) % size] if phase < len(text) else ""


def _hex_digits(recent: str) -> str:
    dense = recent.lower().replace("0x", "").translate(_HEX)
    return dense[len(dense.rstrip(_HEX_DIGITS)) :][-2 * _DECODED :]


def _from_codes(recent: str) -> Iterator[str]:
    """Character codes in decimal or octal numbers, and bits."""
    numbers = _NUMBER.findall(recent[-_NEAR:])[-_BYTES_READ:]
    newest = numbers[-_CODES:]
    if len(newest) == _CODES:
        are_bytes = max(map(len, newest)) <= 3
        is_octal = not _NOT_OCTAL.search("".join(newest))
        for base in (10, 8) if is_octal else (10,):
            codes = [_code(number, base) for number in numbers[-_CODES_READ:]]
            yield "".join(map(chr, codes))
            if are_bytes:
                codes = [_code(number, base) for number in numbers]
                yield bytes(code for code in codes if code < 256).decode("utf-8", "ignore")
    if recent.count("0") + recent.count("1") >= 8 * _CODES:
        for part in _phases(_NOT_BITS.sub("", recent), 8):
            whole = int(part or "0", 2).to_bytes(len(part) // 8, "big")
            yield whole.decode("utf-8", "ignore")


def _code(number: str, base: int) -> int:
    """The character that a number stands for, NUL if it can be none."""
    if len(number) > 7 or (base == 8 and set(number) & {"8", "9"}):
        return 0
    code = int(number, base)
    return code if code < 0xD800 or 0xDFFF < code < 0x110000 else 0


def _is_noise(said: str, least: int) -> bool:
    """Whether the newest characters cannot be text: the last ones, or backwards the first."""
    return len(said) < least or not (_is_text(said[-least:]) or _is_text(said[:least]))


def _is_text(end: str) -> bool:
    return end.isprintable() or " ".join(end.split()).isprintable()


def _known(said: str, least: int, letters: frozenset[str]) -> Iterator[str]:
    if letters.issuperset(spelled(said[-least:])) or letters.issuperset(spelled(said[:least])):
        yield fold(said)


def _is_plain(said: str) -> bool:
    return len(_PLAIN.findall(said)) >= _PRINTABLE * len(said)


class TurnedWords:
    """Follows how far the words of one answer run backwards along one prompt.

    Both ways are looked for in the prompt's own direction only: turned twice, every word would be
    found.

    Args:
        text: the folded prompt.
        holds: whether a folded run may be said.
    """

    def __init__(self, text: str, holds: Callable[[str], bool]) -> None:
        self._text = text
        self._holds = holds
        self._word = ""
        self._ordered = ""
        self._in_order = 0
        self._lettered = ""

    def leaks(self, piece: str) -> bool:
        """Read on; whether a run is complete with a word that has just ended."""
        self._word += piece
        if _BETWEEN.search(piece) is None:
            if len(self._word) > _LONGEST_WORD:
                self._word = self._ordered = self._lettered = ""
            return False
        *whole, self._word = _BETWEEN.split(self._word)
        return any(self._reads(word) for word in whole)

    def _reads(self, said: str) -> bool:
        word = fold(said, " ")
        if not word:
            return False
        known, self._ordered = len(self._ordered), self._grown(word + self._ordered, word)
        goes_on = len(self._ordered) > max(known, len(word))
        self._in_order = (self._in_order if goes_on else 0) + any(map(str.isalpha, said))
        self._lettered = self._grown(self._lettered + word[::-1], word[::-1])
        return (
            self._in_order >= ORDER_WORDS and self._tells(self._ordered, ORDER_RUN)
        ) or self._is_backwards(self._lettered)

    def _is_backwards(self, run: str) -> bool:
        """A run that reads the same both ways may have been said forwards."""
        return run != run[::-1] and self._tells(run, LETTERS_RUN)

    def _grown(self, run: str, word: str) -> str:
        if run in self._text:
            return run
        return word if word in self._text else ""

    def _tells(self, run: str, minimum: int) -> bool:
        return len(run) >= minimum and not self._holds(run)
