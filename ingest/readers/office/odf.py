"""OpenDocument texts, presentations and spreadsheets, read from their XML.

odfdo, the maintained library, reads the archive and the XML unchecked and gives plain text without
structure. Comments and tracked deletions are left out; notes stand at the end of their page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from typing import BinaryIO

from ingest.readers.link_targets import LINKS
from ingest.readers.office.odf_text import (
    OFFICE,
    TABLE,
    TEXT,
    OdfParagraph,
    grid,
    header_row_count,
    hidden_rows,
    inline_text,
    mark_positions,
    numbered_rows,
    paragraphs_text,
    write_link_targets,
)
from ingest.readers.office.package import Package
from ingest.readers.office.xml_parts import PARSER, Element, local_name, quoted
from ingest.readers.pages import COMMENTS, DELETED, PICTURES, STRUCK, PageWriter, enumerated
from ingest.readers.sheet_tables import SheetLine, write_sheet
from ingest.readers.table_rows import one_line
from ingest.types import Extraction, ReadOptions
from kb.errors import UnreadableFile

_CLASS = "{urn:oasis:names:tc:opendocument:xmlns:presentation:1.0}class"
_WRAPPER_WORDS = """
    section index-body table-of-content illustration-index alphabetical-index bibliography user-
    index object-index table-index index-title frame text-box g custom-shape rect ellipse line
    connector polygon path caption text notes numbered-paragraph list-header a header footer
    header-left footer-left header-first footer-first
    """
_WRAPPERS = frozenset(_WRAPPER_WORDS.split())
_KINDS = ("text", "presentation", "spreadsheet", "drawing")


def read_odf(source: BinaryIO, options: ReadOptions) -> Extraction:
    """A text with its soft page breaks, slides, or sheets.

    Raises:
        UnreadableFile: no text, too long, damaged, locked, or not OpenDocument.
    """
    package = Package(source)
    manifest = package.optional_xml("META-INF/manifest.xml")
    if manifest is not None and next(manifest.iter("{*}encryption-data"), None) is not None:
        raise UnreadableFile(
            "The document asks for a password. Save a copy without one and upload that.",
            reason="password_required",
        )
    return _OdfDocument(package, PageWriter(options)).extraction()


class _OdfDocument:
    """One pass over a document's content."""

    def __init__(self, package: Package, pages: PageWriter) -> None:
        self._package = package
        self._pages = pages
        self._notes: list[str] = []
        self._empty_sheets: list[str] = []

    def extraction(self) -> Extraction:
        root = self._package.xml("content.xml")
        styles = self._package.optional_xml("styles.xml")
        self._pages.losses[STRUCK] += mark_positions(root, styles)
        if hidden := hidden_rows(root):
            self._pages.warnings.append(f"Hidden rows were read, too: {hidden}.")
        self._pages.losses[LINKS] += write_link_targets(root)
        self._pages.losses[PICTURES] += sum(1 for _ in root.iter("{*}image"))
        parts = root.iterfind(f"{OFFICE}body/*")
        content = next((part for part in parts if local_name(part) in _KINDS), None)
        if content is None:
            raise UnreadableFile(
                "The file is a zip archive, but no OpenDocument text, presentation or spreadsheet.",
                reason="damaged_file",
            )
        kind = local_name(content)
        if kind != "spreadsheet":
            self._pages.losses[COMMENTS] += sum(1 for _ in content.iter(f"{OFFICE}annotation"))
        if kind == "text":
            self._margins(styles)
            self._blocks(content)
        elif kind == "spreadsheet":
            self._paged(content.findall(f"{TABLE}table"), self._sheet)
        else:
            self._paged([page for page in content if local_name(page) == "page"], self._slide)
        self._flush_notes()
        empty = enumerated(self._empty_sheets)
        warnings = [f"Sheets without text: {empty}."] if empty else []
        return self._pages.extraction(f"kb odf 1 on {PARSER}", "document", warnings)

    def _paged(self, elements: list[Element], write: Callable[[Element], None]) -> None:
        for number, element in enumerate(elements):
            if number:
                self._flush_notes()
                self._pages.turn_page()
            write(element)

    def _slide(self, page: Element) -> None:
        frames = [frame for frame in page if frame.get(_CLASS) == "title"]
        for frame in frames:
            text = " ".join(inline_text(p).text() for p in frame.iter(f"{TEXT}p", f"{TEXT}h"))
            self._pages.put("heading", one_line(text), 1)
        for shape in page:
            if local_name(shape) == "notes":
                paragraphs = shape.iter(f"{TEXT}p")
                text = "\n".join(filter(None, (inline_text(p).text() for p in paragraphs)))
                if text.strip():
                    self._pages.put("paragraph", f"Notes: {text}")
            elif shape not in frames:
                self._blocks((shape,))

    def _sheet(self, table: Element) -> None:
        name = one_line(table.get(f"{TABLE}name", ""))
        rows = numbered_rows(table)
        first = next(rows, None)
        if first is None:
            self._empty_sheets.append(quoted(name))
            return
        self._pages.put("heading", name, 1)
        held = chain((first,), rows)
        count = header_row_count(table)
        if count is not None:
            self._pages.table((line for _, line in held), count)
        else:
            filled = (SheetLine(n, [cell for cell in line if cell.text]) for n, line in held)
            write_sheet(self._pages, filled)

    def _blocks(self, elements: Iterable[Element]) -> None:
        for element in elements:
            name = local_name(element)
            if name in ("p", "h"):
                self._paragraph(element, name)
            elif name == "list":
                self._list(element)
            elif name == "table":
                self._table(element)
            elif name == "soft-page-break":
                self._turn_page()
            elif name == "tracked-changes":
                self._count_deleted(element)
            elif name in _WRAPPERS:
                self._blocks(element)

    def _paragraph(self, paragraph: Element, name: str, kind: str = "paragraph") -> None:
        inline = inline_text(paragraph)
        for number, part in enumerate(inline.parts):
            if number:
                self._turn_page()
            text = "\n".join(line.strip() for line in "".join(part).split("\n")).strip()
            if name == "h":
                level = paragraph.get(f"{TEXT}outline-level", "1")
                depth = int(level) if level in tuple("123456789") else 1
                self._pages.put("heading", one_line(text), depth)
            else:
                self._pages.put("list" if kind == "list" else "paragraph", text)
        self._follow(inline)

    def _follow(self, inline: OdfParagraph) -> None:
        self._notes += inline.notes
        for frame in inline.frames:
            self._blocks((frame,))

    def _list(self, element: Element) -> None:
        for item in element:
            for child in item:
                name = local_name(child)
                if name == "p":
                    self._paragraph(child, name, "list")
                else:
                    self._blocks((child,))

    def _table(self, table: Element) -> None:
        rows = list(grid(table))
        if max((len(row) for row in rows), default=0) < 2:  # it only arranges text
            for cell in table.iterfind(f".//{TABLE}table-cell"):
                self._blocks(cell)
            return
        header = header_row_count(table)
        self._pages.table(rows, header if header is not None and header < len(rows) else None)
        for paragraph in table.iter(f"{TEXT}p"):
            self._notes += inline_text(paragraph).notes
        for inner in table.iterfind(f".//{TABLE}table-cell/{TABLE}table"):
            self._table(inner)

    def _count_deleted(self, changes: Element) -> None:
        for deletion in changes.iter(f"{TEXT}deletion"):
            for paragraph in deletion.iter(f"{TEXT}p", f"{TEXT}h"):
                self._pages.losses[DELETED] += len(inline_text(paragraph).text())

    def _turn_page(self) -> None:
        if not self._pages.is_empty:
            self._flush_notes()
            self._pages.turn_page()

    def _flush_notes(self) -> None:
        notes, self._notes = self._notes, []
        for note in notes:
            self._pages.put("paragraph", note)

    def _margins(self, styles: Element | None) -> None:
        """Headers and footers, each text once, before the text."""
        seen = set()
        for margin in styles.iter("{*}header", "{*}footer") if styles is not None else ():
            text = paragraphs_text(margin)
            if text not in seen and any(character.isalpha() for character in text):
                seen.add(text)
                self._pages.put("paragraph", text)
