"""Word documents, read from their XML: python-docx drops text boxes, notes and tracked insertions,
and opens archives and XML without any check.

Pages are those of Word's last layout where the file records it, else of explicit breaks. Footnotes
stand at the end of their page, endnotes and footers at the end; comments are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from ingest.readers.office.docx_content import (
    GONE,
    ParagraphReader,
    WordParagraph,
    deleted_length,
    grid,
    header_rows,
    is_layout,
)
from ingest.readers.office.docx_styles import Numbering, Style, W, read_styles, value_of
from ingest.readers.office.drawings import drawing_texts
from ingest.readers.office.hyperlinks import linked_part, optional_linked_part
from ingest.readers.office.package import Package
from ingest.readers.office.xml_parts import PARSER, Element, local_name
from ingest.readers.pages import DELETED, PageWriter
from ingest.types import Extraction, ReadOptions

_KIND = "a Word document"
_W_P, _W_TBL, _W_TR, _W_TC = f"{W}p", f"{W}tbl", f"{W}tr", f"{W}tc"
_WRAPPER_WORDS = """
    sdt sdtContent customXml ins moveTo smartTag body AlternateContent
    """
_WRAPPERS = frozenset(_WRAPPER_WORDS.split())


def read_docx(source: BinaryIO, options: ReadOptions) -> Extraction:
    """The document page by page.

    Raises:
        UnreadableFile: no text, too long, damaged, locked, or not a Word document.
    """
    package = Package(source)
    return _WordDocument(package, PageWriter(options)).extraction()


class _WordDocument:
    """One pass over a document's main part."""

    def __init__(self, package: Package, pages: PageWriter) -> None:
        self._package = package
        self._pages = pages
        self._main = package.main_part(_KIND)
        self._relations = package.relations(self._main)
        self._styles = read_styles(self._part("styles"))
        self._numbering = Numbering(self._part("numbering"))
        texts = drawing_texts(package, self._relations)
        self._reader = ParagraphReader(self._styles, pages.losses, texts)
        self._notes = {
            kind: {note.get(f"{W}id", ""): note for note in _children(self._part(f"{kind}s"))}
            for kind in ("footnote", "endnote")
        }
        self._waiting: dict[str, list[str]] = {"footnote": [], "endnote": []}
        self._below_title = 0

    def extraction(self) -> Extraction:
        main = linked_part(self._package, self._main, self._pages.losses)
        body = main.find(f"{W}body")
        self._write_margins("header")
        self._blocks(body if body is not None else ())
        self._write_notes("footnote")
        self._write_notes("endnote")
        self._write_margins("footer")
        if any(link.kind == "comments" for link in self._relations.values()):
            self._pages.warnings.append("Comments were left out.")
        return self._pages.extraction(f"kb docx 1 on {PARSER}", "document")

    def _part(self, kind: str) -> Element | None:
        found = (link.target for link in self._relations.values() if link.kind == kind)
        return self._linked(next(found, None))

    def _linked(self, part: str | None) -> Element | None:
        return optional_linked_part(self._package, part, self._pages.losses)

    def _blocks(self, elements: Element) -> None:
        for element in elements:
            name = local_name(element)
            if name == "p":
                self._paragraph(element)
            elif name == "tbl":
                self._table(element)
            elif name == "AlternateContent":
                self._blocks(next(iter(element), ()))
            elif name in _WRAPPERS:
                self._blocks(element)
            elif name in GONE:
                self._pages.losses[DELETED] += deleted_length(element)
            elif name == "altChunk":
                self._pages.losses["Documents embedded as a whole, not read"] += 1

    def _paragraph(self, paragraph: Element) -> None:
        style = self._styles.get(value_of(paragraph, "pPr/pStyle") or "", Style())
        inline = self._reader.read(paragraph)
        level = self._heading_level(paragraph, style)
        label = self._label(paragraph, style) if inline.text().strip() else None
        if paragraph.find(f"{W}pPr/{W}pageBreakBefore") is not None:
            self._turn_page(explicit=False)
        for number, part in enumerate(inline.parts):
            if number:
                self._turn_page(inline.breaks[number - 1])
            self._put("".join(part), level, label if number == 0 else None)
        self._follow(inline)
        section = value_of(paragraph, "pPr/sectPr/type") or "nextPage"
        if paragraph.find(f"{W}pPr/{W}sectPr") is not None and section != "continuous":
            self._turn_page(explicit=False)

    def _put(self, text: str, level: int, label: str | None) -> None:
        text = "\n".join(line.strip(" ") for line in text.split("\n")).strip()
        if not text:
            return
        text = f"{label} {text}" if label else text
        if level:
            self._pages.put("heading", " ".join(text.split()), level)
        else:
            self._pages.put("paragraph" if label is None else "list", text)

    def _follow(self, inline: WordParagraph) -> None:
        """Text boxes stand behind the paragraph that they are anchored to."""
        for kind, identifier in inline.notes:
            self._waiting[kind].append(identifier)
        for box in inline.boxes:
            self._blocks(box)

    def _heading_level(self, paragraph: Element, style: Style) -> int:
        if style.is_title:
            self._below_title = 1
            return 1
        outline = value_of(paragraph, "pPr/outlineLvl")
        level = style.level
        if outline is not None:
            level = int(outline) + 1 if outline in tuple("012345678") else 0
        return level + self._below_title if level else 0

    def _label(self, paragraph: Element, style: Style) -> str | None:
        list_id = value_of(paragraph, "pPr/numPr/numId") or style.list_id
        depth = value_of(paragraph, "pPr/numPr/ilvl") or str(style.list_level)
        if list_id in ("", "0") or not depth.isdecimal():
            return None
        return self._numbering.next(list_id, min(int(depth), 8))

    def _table(self, table: Element) -> None:
        rows = [row for row in _rows(table) if not self._is_deleted(row)]
        if is_layout(rows, self._styles):
            for row in rows:
                for cell in _cells(row):
                    self._blocks(cell)
            return
        breaks = [next(row.iter(f"{W}lastRenderedPageBreak"), None) is not None for row in rows]
        texts = {cell: self._cell_text(cell) for row in rows for cell in _cells(row)}
        lines = grid([(row, _cells(row)) for row in rows], texts)
        first = 0
        names = None
        for number in [*(n for n, broken in enumerate(breaks) if broken and n), len(rows)]:
            known = header_rows(rows[first:number]) if first == 0 else 0
            names = self._pages.table(lines[first:number], known, names)
            if number < len(rows):
                self._turn_page(explicit=False)
            first = number
        for row in rows:
            for cell in _cells(row):
                self._nested(cell)

    def _cell_text(self, cell: Element) -> str:
        """The text of a cell without tables in it, which follow the table."""
        parts: list[str] = []
        for paragraph in _paragraphs(cell):
            inline = self._reader.read(paragraph)
            for kind, identifier in inline.notes:
                self._waiting[kind].append(identifier)
            style = self._styles.get(value_of(paragraph, "pPr/pStyle") or "", Style())
            text = inline.text().strip()
            label = self._label(paragraph, style) if text else None
            boxes = (self._all_text(box) for box in inline.boxes)
            parts.extend(part for part in (label, text, *boxes) if part)
        return " ".join(" ".join(parts).split())

    def _all_text(self, root: Element) -> str:
        """The text of a note, a margin or a box as one line, with that of tables in it."""
        tables = (child for child in _unwrapped(root) if child.tag == _W_TBL)
        inner = (
            self._all_text(cell) for one in tables for row in _rows(one) for cell in _cells(row)
        )
        return " ".join(filter(None, (self._cell_text(root), *inner)))

    def _nested(self, element: Element) -> None:
        for child in element:
            name = local_name(child)
            if name == "tbl":
                self._table(child)
            elif name in _WRAPPERS:
                self._nested(child)

    def _is_deleted(self, row: Element) -> bool:
        if row.find(f"{W}trPr/{W}del") is None:
            return False
        self._pages.losses[DELETED] += deleted_length(row)
        return True

    def _turn_page(self, explicit: bool) -> None:
        # Word's layout repeats a person's break at the next line; one of the two counts.
        if explicit or not self._pages.is_empty:
            self._write_notes("footnote")
            self._pages.turn_page()

    def _write_notes(self, kind: str) -> None:
        waiting, self._waiting[kind] = self._waiting[kind], []
        for identifier in waiting:
            note = self._notes[kind].pop(identifier, None)
            if note is not None and (text := self._all_text(note)):
                self._pages.put("paragraph", f"[{identifier}] {text}")

    def _write_margins(self, kind: str) -> None:
        """Headers or footers: each text once, and none that is only a page number."""
        seen = set()
        for link in self._relations.values():
            root = self._linked(link.target) if link.kind == kind else None
            text = self._all_text(root) if root is not None else ""
            if text and text not in seen and any(character.isalpha() for character in text):
                seen.add(text)
                self._pages.put("paragraph", text)


def _children(root: Element | None) -> Element:
    return root if root is not None else ()


def _rows(table: Element) -> Iterator[Element]:
    return (row for row in _unwrapped(table) if row.tag == _W_TR)


def _cells(row: Element) -> list[Element]:
    return [cell for cell in _unwrapped(row) if cell.tag == _W_TC]


def _paragraphs(cell: Element) -> Iterator[Element]:
    return (element for element in _unwrapped(cell) if element.tag == _W_P)


def _unwrapped(parent: Element) -> Iterator[Element]:
    """The children of an element, and those of wrappers that only mark a range."""
    for child in parent:
        if local_name(child) in _WRAPPERS:
            yield from _unwrapped(child)
        else:
            yield child
