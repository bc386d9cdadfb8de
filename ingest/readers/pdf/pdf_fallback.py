"""Pages of a PDF that pypdf got nothing good from: PDFium's text, then OCR, where these are
installed.

A page goes on to the next reader if it holds hardly any text, or text that its fonts garble; the
better text is kept. What was done to which page is counted for the receipt. PDFium is C++ and can
crash on a damaged file, so a file is opened only when a page needs it. It also draws pages, for
OCR.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from ingest.readers.pdf.ocr import DPI

if TYPE_CHECKING:
    import pypdfium2
import re
from collections import Counter
from functools import cached_property
from importlib.metadata import version
from unicodedata import category

from ingest.readers.pdf.ocr import Clock, Engine, engine, recognise
from ingest.types import ReadOptions

_POINTS_PER_INCH = 72
_MOST_PIXELS = 40_000_000
_LEAST_DPI = 70
_PICTURE_KIND = 3  # FPDF_PAGEOBJ_IMAGE
_DEEPEST_FORM = 3

Answer = TypeVar("Answer")


class PdfiumFile:
    """One PDF file through PDFium. Whatever fails answers as if there were nothing."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._document: pypdfium2.PdfDocument | None = None
        self._tried = False

    def page_count(self) -> int:
        """Pages of the file, 0 if it cannot be read at all."""
        document = self._opened()
        return len(document) if document is not None else 0

    def text(self, index: int) -> str:
        """The text of a page, counted from 0."""
        return self._ask(index, _text, "")

    def has_pictures(self, index: int) -> bool:
        """Whether a page shows any picture."""
        return self._ask(index, _has_pictures, False)

    def drawn(self, index: int) -> bytes:
        """A page as a grey PGM picture, empty if it cannot be drawn."""
        return self._ask(index, _drawn, b"")

    def close(self) -> None:
        """Give the file back."""
        if self._document is not None:
            self._document.close()
            self._document = None

    def _ask(self, index: int, question: Callable[[Any], Answer], nothing: Answer) -> Answer:
        document = self._opened()
        try:
            if document is None or index >= len(document):
                return nothing
            page = document[index]
            try:
                return question(page)
            finally:
                page.close()
        except MemoryError:
            raise
        except Exception:  # a border: the bindings raise anything on damaged pages
            return nothing

    def _opened(self) -> pypdfium2.PdfDocument | None:
        if not self._tried:
            self._tried = True
            try:
                import pypdfium2
            except ImportError:
                return None
            self._source.seek(0)
            try:
                self._document = pypdfium2.PdfDocument(self._source.read())
            except (pypdfium2.PdfiumError, ValueError, OSError):
                return None
        return self._document


def _text(page: pypdfium2.PdfPage) -> str:
    shown = page.get_textpage()
    try:
        # U+FFFE and U+0002 stand for a hyphen at a line's end.
        raw = str(shown.get_text_range())
    finally:
        shown.close()
    return raw.replace("\r\n", "\n").replace("\ufffe", "-").replace("\x02", "-")


def _has_pictures(page: pypdfium2.PdfPage) -> bool:
    objects = page.get_objects(filter=[_PICTURE_KIND], max_depth=_DEEPEST_FORM)
    return next(iter(objects), None) is not None


def _drawn(page: pypdfium2.PdfPage) -> bytes:
    width, height = page.get_size()
    inches = width * height / _POINTS_PER_INCH**2
    dpi = min(DPI, (_MOST_PIXELS / max(inches, 0.01)) ** 0.5)
    if dpi < _LEAST_DPI:
        return b""
    bitmap = page.render(scale=dpi / _POINTS_PER_INCH, grayscale=True)
    try:
        rows = bytes(bitmap.buffer)
        lines = (
            rows[start : start + bitmap.width]
            for start in range(0, bitmap.stride * bitmap.height, bitmap.stride)
        )
        return b"P5 %d %d 255\n" % (bitmap.width, bitmap.height) + b"".join(lines)
    finally:
        bitmap.close()


_GARBLED = re.compile(
    r"[\ufffd\ue000-\uf8ff\x00-\x08\x0e-\x1f]|\(cid:\d+\)|/g\d+\b|/uni[0-9A-F]{4}|/[A-Z]\d{2}\b"
)
_GARBLED_SHARE = 0.3
_SUSPECT_SHARE = 0.02
"""From here on PDFium is asked as well; its text is taken if it is cleaner."""
_HARDLY_ANY = 16
_WORD = re.compile(r"[A-Za-z]+")
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


class FallbackReaders:
    """PDFium and OCR for one document, and what they did: `recognised` and `late` are numbers of
    pages that OCR read and did not get to."""

    def __init__(self, pdfium: PdfiumFile, options: ReadOptions) -> None:
        self._pdfium = pdfium
        self._options = options
        self._clock = Clock(options)
        self._pdfium_used = False
        self.recognised: list[int] = []
        self.late: list[int] = []

    def best_text(self, text: str, number: int) -> str:
        """The best text of a page (counted from 1) that any reader gets, else the given one."""
        if not _is_sparse(text) and garble(text) < _SUSPECT_SHARE:
            return text
        second = self._pdfium.text(number - 1)
        if _is_better(second, text):
            text, self._pdfium_used = second, True
        if is_garbled(text) or (_is_sparse(text) and self._pdfium.has_pictures(number - 1)):
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
        """The readers that were of use, with versions."""
        names = [f"pypdfium2 {version('pypdfium2')}"] if self._pdfium_used else []
        if self.recognised and self._engine is not None:
            names.append(f"tesseract {self._engine.version}")
        return tuple(names)

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


def _is_sparse(text: str) -> bool:
    return len("".join(text.split())) < _HARDLY_ANY


def _is_better(second: str, first: str) -> bool:
    if _is_sparse(first):
        return len(second.split()) > len(first.split())
    least = 0.2 if is_garbled(first) else 0.7
    enough = len("".join(second.split())) >= least * len("".join(first.split()))
    return enough and garble(second) < garble(first)
