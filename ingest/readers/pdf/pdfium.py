"""One PDF file through PDFium: where its words stand, its outline, and drawn pages.

PDFium is C++ and can crash on a damaged file; that ends the reader's process, and the document.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any, BinaryIO, TypeVar

import pypdfium2

from ingest.readers.pdf.geometry import PageGeometry, page_geometry
from ingest.readers.pdf.ocr import DPI

_POINTS_PER_INCH = 72
_MOST_PIXELS = 40_000_000
_LEAST_DPI = 70
_MOST_ENTRIES = 10_000

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

    def geometry(self, index: int) -> PageGeometry | None:
        """Where the words of a page (counted from 0) stand."""
        return self._ask(index, page_geometry, None)

    def outline(self) -> list[tuple[int, int, str]]:
        """Level from 0, index of the page and title of each entry of the outline."""
        document = self._opened()
        found: list[tuple[int, int, str]] = []
        try:
            for entry in islice(document.get_toc() if document is not None else (), _MOST_ENTRIES):
                target = entry.get_dest()
                page = target.get_index() if target is not None else None
                if page is not None:
                    found.append((entry.level, page, entry.get_title()))
        except MemoryError:
            raise
        except Exception:  # a border: the bindings raise anything on damaged outlines
            return found
        return found

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
            self._source.seek(0)
            try:
                self._document = pypdfium2.PdfDocument(self._source.read())
            except (pypdfium2.PdfiumError, ValueError, OSError):
                return None
        return self._document


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
