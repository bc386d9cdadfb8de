"""Pages of a PDF as blocks: headings, paragraphs, rows of tables, and what lies on the pages.

A page is laid out by PDFium's geometry if that holds what the text readers found. Where it does
not, as after OCR, their text stands as it is, and headings are told by their wording alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ingest.readers.pages import PageWriter
from ingest.readers.pdf.annotations import Annotations, put_fields, put_links
from ingest.readers.pdf.geometry import PageGeometry
from ingest.readers.pdf.headings import headings
from ingest.readers.pdf.layout import Element, Paragraph, elements
from ingest.readers.pdf.pdf_fallback import garble
from ingest.readers.pdf.ruled_tables import Table
from ingest.readers.plain.text import text_blocks
from ingest.readers.table_rows import Header
from kb.types import BlockKind

_ENOUGH = 0.9
"""The share of the characters that pypdf found, from which on a layout is taken for the page."""
_SAME_COLUMN = 6.0
"""Points by which a column may be shifted overleaf."""
_NUMBER = re.compile(r"\s*\d")
_SENTENCE_END = re.compile(r"[.!?:。！？：…”\"]$")


@dataclass(slots=True)
class PageParts:
    """A page as text, and as elements in reading order if it was laid out."""

    text: str
    notes: Annotations
    elements: list[Element] = field(default_factory=list)


def is_as_good(geometry: PageGeometry, text: str) -> bool:
    """Whether the words of a page's geometry are those of its best text, or cleaner ones."""
    words = geometry.text
    enough = len("".join(words.split())) >= _ENOUGH * len("".join(text.split()))
    return enough and garble(words) <= garble(text)


def laid_out(geometry: PageGeometry, notes: Annotations) -> list[Element]:
    """The elements of a page, with the values of its form fields among them."""
    put_links(geometry, notes)
    put_fields(geometry, notes.fields)
    notes.fields.clear()
    return elements(geometry)


def write_pages(
    writer: PageWriter, pages: Sequence[PageParts], outline: Iterable[tuple[int, int, str]]
) -> None:
    """Write pages one by one, each under its number in the file."""
    levels = headings([page.elements for page in pages], outline)
    titles = (pages[page].elements[index] for page, index in levels)
    numbered = any(isinstance(one, Paragraph) and _NUMBER.match(one.text) for one in titles)
    tables = _Tables(writer)
    for number, page in enumerate(pages):
        if number:
            writer.turn_page()
        if not page.elements:
            _write_text(writer, page.text, not numbered)
        for index, element in enumerate(page.elements):
            if isinstance(element, Table):
                tables.write(element)
            else:
                _write_paragraph(writer, element, levels.get((number, index)), not numbered)
        for one in page.notes.fields:
            tick = {None: one.value, True: "yes", False: "no"}[one.ticked]
            if one.name and tick:
                writer.put("list", f"{one.name}: {tick}")
        for text in page.notes.texts:
            writer.add("paragraph", text)


def _write_paragraph(
    writer: PageWriter, paragraph: Paragraph, level: int | None, by_wording: bool
) -> None:
    if level is not None:
        writer.add("heading", paragraph.text, level=level)
    else:
        _write_text(writer, paragraph.text, by_wording)


def _write_text(writer: PageWriter, text: str, by_wording: bool) -> None:
    """Paragraphs and headings; a line that looks like a heading is one only after a sentence."""
    before = 0
    end = None
    for block in text_blocks(writer.number, text):
        part = text[block.start : block.end]
        level = block.level if _may_start(text[before : block.start]) else 0
        if level and not by_wording and _NUMBER.match(part):
            level = 0
        close = end is not None and "\n\n" not in text[end : block.start]
        kind: BlockKind = "heading" if level else "paragraph"
        writer.add(kind, part, level=level, separator="\n" if close else "\n\n")
        before, end = block.start, block.end


def _may_start(text_before: str) -> bool:
    line = text_before.rstrip(" ").removesuffix("\n")
    return not line.strip() or line.endswith("\n") or bool(_SENTENCE_END.search(line.rstrip()))


class _Tables:
    """Writes tables; one that goes on from the page before has the names of its columns."""

    def __init__(self, writer: PageWriter) -> None:
        self._writer = writer
        self._last: Table | None = None
        self._header: Header = {}
        self._page = 0

    def write(self, table: Table) -> None:
        """Append a table."""
        last, header, rows = self._last, None, table.header_rows
        if last is not None and self._page == self._writer.number - 1 and _is_alike(last, table):
            first = [cell.text for cell in table.rows[0]]
            if first != [cell.text for cell in last.rows[0]] and rows is None:
                header, rows = self._header, 0
        self._header = self._writer.table(table.rows, rows, header)
        self._last, self._page = table, self._writer.number


def _is_alike(above: Table, below: Table) -> bool:
    return len(above.columns) == len(below.columns) and all(
        abs(a - b) <= _SAME_COLUMN for a, b in zip(above.columns, below.columns, strict=True)
    )
