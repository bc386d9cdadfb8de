"""Pages of a PDF of which PDFium has no clean text: pypdf's, then OCR, where that is installed.

A page goes on to the next reader if it holds hardly any text, or text that its fonts garble; the
better text is kept. What was done to which page is counted for the receipt.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache, cached_property
from importlib.metadata import version
from unicodedata import category

from ingest.readers.pdf.geometry import PageGeometry
from ingest.readers.pdf.ocr import Clock, Engine, engine, recognise
from ingest.readers.pdf.pdfium import PdfiumFile
from ingest.types import ReadOptions

_GARBLED = re.compile(
    r"[\ufffd\ue000-\uf8ff\x00-\x08\x0e-\x1f]|\(cid:\d+\)|/g\d+\b|/uni[0-9A-F]{4}|/[A-Z]\d{2}\b"
)
_GARBLED_SHARE = 0.3
_SUSPECT_SHARE = 0.02
"""From here on PDFium is asked as well; its text is taken if it is cleaner."""
_HARDLY_ANY = 16
_WORD = re.compile(r"\b[A-Za-z]+\b")
_ENOUGH_WORDS = 30
_SINGLE_LETTERS = 0.4
_UNASSIGNED_WEIGHT = 20
"""No font draws characters that Unicode has not assigned: few of them tell of a wrong table."""
_LONGEST_WORD = 30


def garble(text: str) -> float:
    """How much of a text is not text: 0 to 1. Words run together or torn apart count as well."""
    words = _WORD.findall(text)
    if len(words) < _ENOUGH_WORDS:
        return _bad_share(text)
    letters = sum(map(len, words))
    glued = sum(len(word) for word in words if len(word) > _LONGEST_WORD) / letters
    torn = max(0.0, sum(len(word) == 1 for word in words) / len(words) - _SINGLE_LETTERS)
    return min(1.0, _bad_share(text) + glued + torn)


def is_garbled(text: str) -> bool:
    """Whether so much of a text is not text that it cannot be relied on."""
    return _bad_share(text) > _GARBLED_SHARE


def _bad_share(text: str) -> float:
    counts = Counter("".join(text.split()))
    if not counts:
        return 0.0
    bad = sum(len(match[0]) for match in _GARBLED.finditer(text))
    unassigned = sum(n for sign, n in counts.items() if sign > "\x7f" and category(sign) == "Cn")
    return min(1.0, (bad + _UNASSIGNED_WEIGHT * unassigned) / counts.total())


def clean_text(geometry: PageGeometry | None) -> str:
    """PDFium's text of a page if that needs no second reader, else none.

    On 811 pages of `odd_pdfs`, `pdf_gt` and `pdf_samples` no such text lacked a word that pypdf
    found, and reading them took 0.4 times as long as pypdf alone.
    """
    text = geometry.text if geometry is not None else ""
    return "" if _is_sparse(text) or garble(text) >= _SUSPECT_SHARE else text


class FallbackReaders:
    """PDFium and OCR for one document, and what they did: `recognised` and `late` are numbers of
    pages that OCR read and did not get to."""

    def __init__(self, pdfium: PdfiumFile, options: ReadOptions) -> None:
        self._pdfium = pdfium
        self._options = options
        self._clock = Clock(options)
        self.recognised: list[int] = []
        self.late: list[int] = []

    def best_text(self, text: str, geometry: PageGeometry | None, number: int) -> str:
        """The best text of a page (counted from 1) that any reader gets, else the given one."""
        if not _is_sparse(text) and garble(text) < _SUSPECT_SHARE:
            return text
        if geometry is not None and _is_better(geometry.text, text):
            text = geometry.text
        may_be_scanned = geometry is None or geometry.pictures > 0
        if is_garbled(text) or (_is_sparse(text) and may_be_scanned):
            text = self._recognised(text, number)
        return text

    @cached_property
    def _engine(self) -> Engine | None:
        return engine(self._options)

    @property
    def has_engine(self) -> bool:
        """Whether an OCR engine is installed."""
        return self._engine is not None

    def names(self) -> tuple[str, ...]:
        """The readers, with versions; the engine only if it was of use."""
        names = ("pypdf", "pypdfium2")
        engine = (f"tesseract {self._engine.version}",) if self.recognised and self._engine else ()
        return (*(f"{name} {_version(name)}" for name in names), *engine)

    def warnings(self) -> tuple[str, ...]:
        """What to tell about languages, if OCR was of use."""
        return self._engine.warnings() if self.recognised and self._engine is not None else ()

    def _recognised(self, text: str, number: int) -> str:
        if self._engine is None:
            return text
        if self._clock.left_s() <= 0:
            self.late.append(number)
            return text
        picture = self._pdfium.drawn(number - 1)
        if not picture:
            return text
        try:
            found = recognise(self._engine, picture, self._clock.left_s())
        except TimeoutError:
            self.late.append(number)
            return text
        if not found:
            return text
        self.recognised.append(number)
        is_new = is_garbled(text) or text.strip() in found
        return found if is_new else f"{text.rstrip()}\n\n{found}"


_version = cache(version)


def _is_sparse(text: str) -> bool:
    return len("".join(text.split())) < _HARDLY_ANY


def _is_better(second: str, first: str) -> bool:
    if _is_sparse(first):
        return len(second.split()) > len(first.split())
    least = 0.2 if is_garbled(first) else 0.7
    enough = len("".join(second.split())) >= least * len("".join(first.split()))
    return enough and garble(second) < garble(first)
