"""Excel workbooks, read from their XML as a stream: a page per sheet, headed by the sheet's name.

Read without openpyxl: it needs several times the memory and time for large sheets, and opens
archives unchecked. Values are those that the program stored last; nothing is calculated here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

from ingest.readers.link_targets import LINKS, link_target
from ingest.readers.office.package import Package
from ingest.readers.office.xml_parts import PARSER, Element, iterate_xml, local_name, quoted
from ingest.readers.pages import PageWriter, check_length, enumerated
from ingest.readers.raised_text import lowered, raised
from ingest.readers.sheet_tables import Merge, SheetLine, apply_merges, write_sheet
from ingest.readers.sheets.xlsx_asides import cell_links, cell_notes, drawn_texts, linked_to
from ingest.readers.sheets.xlsx_values import Formats, style_codes
from ingest.readers.table_rows import Cell, one_line
from ingest.types import Extraction, ReadOptions

_KIND = "an Excel workbook"
_R_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_MERGED = re.compile(
    rb'<(?:\w+:)?mergeCell\b[^>]{0,80}?\bref="([A-Z]{1,3})(\d+):([A-Z]{1,3})(\d+)"'
)
_REFERENCE = re.compile(r"([A-Z]{1,3})(\d{1,7})$")
_MOST_MERGES = 100_000
_PIECE_BYTES = 1 << 20
_OVERLAP_BYTES = 200
_TRUE = ("1", "true")
_MOST_COLUMNS = 16_384
_POSITIONS = {"superscript": raised, "subscript": lowered}


def read_xlsx(source: BinaryIO, options: ReadOptions) -> Extraction:
    """The sheets in the order of their tabs.

    Raises:
        UnreadableFile: no text, too long, damaged, locked, or not a workbook.
    """
    package = Package(source)
    return _Workbook(package, options).extraction()


class _Workbook:
    """One pass over all sheets."""

    def __init__(self, package: Package, options: ReadOptions) -> None:
        self._package = package
        self._options = options
        self._main = package.main_part(_KIND)
        self._book = package.xml(self._main)
        self._relations = package.relations(self._main)
        properties = self._book.find("{*}workbookPr")
        from_1904 = properties is not None and properties.get("date1904") in ("1", "true")
        codes = style_codes(package.optional_xml(self._part("styles")))
        self._formats = Formats(codes, from_1904=from_1904)
        self._strings = self._shared_strings()
        self._pages = PageWriter(options)
        self._notes: dict[str, str] = {}
        self._links: dict[str, str] = {}
        self._without_result = 0
        self._hidden = 0

    def extraction(self) -> Extraction:
        empty: list[str] = []
        hidden: list[str] = []
        filled = 0
        for sheet in self._book.iterfind("{*}sheets/{*}sheet"):
            name = one_line(sheet.get("name", ""))
            if self._pages.number > 1 or filled or empty:
                self._pages.turn_page()
            link = self._relations.get(sheet.get(_R_ID, ""))
            part = link.target if link is not None and link.kind == "worksheet" else None
            beside = self._package.relations(part) if part is not None else {}
            self._notes = cell_notes(self._package, beside)
            self._links = cell_links(self._package, part) if part is not None else {}
            drawn = drawn_texts(self._package, beside, self._pages.losses)
            rows = self._sheet_rows(part) if part is not None else iter(())
            first = next(rows, None)
            if first is None and not drawn:
                empty.append(quoted(name))
                continue
            filled += 1
            if sheet.get("state", "visible") != "visible":
                hidden.append(quoted(name))
            self._pages.put("heading", name, 1)
            write_sheet(self._pages, chain((first,) if first is not None else (), rows))
            for text in (*drawn, *(f"Note on {at}: {n}" for at, n in self._notes.items())):
                self._pages.put("paragraph", text)
        warnings = []
        if empty:
            warnings.append(f"Sheets without text: {enumerated(empty)}.")
        if hidden:
            warnings.append(f"Hidden sheets were read, too: {enumerated(hidden)}.")
        if self._hidden:
            warnings.append(f"Hidden rows and columns were read, too: {self._hidden}.")
        if self._without_result:
            warnings.append(
                f"{self._without_result} formulas have no stored result and are quoted as they "
                "stand. Open the workbook in Excel or LibreOffice and save it to store results."
            )
        return self._pages.extraction(f"kb xlsx 1 on {PARSER}", "workbook", warnings)

    def _part(self, kind: str) -> str | None:
        found = (link.target for link in self._relations.values() if link.kind == kind)
        return next(found, None)

    def _shared_strings(self) -> list[str]:
        name = self._part("sharedStrings")
        if name is None or self._package.find(name) is None:
            return []
        strings = []
        length = 0
        for item in iterate_xml(self._package.stream(name), ("si",), name):
            strings.append(_rich_text(item))
            length += len(strings[-1])
            check_length(length, self._options)
        return strings

    def _sheet_rows(self, part: str) -> Iterator[SheetLine]:
        merges = self._merges(part)
        number = 0
        carried: dict[int, tuple[str, int]] = {}
        columns: set[int] = set()
        for row in iterate_xml(self._package.stream(part), ("col", "row"), part):
            if local_name(row) == "col":
                columns |= set(_columns(row) if row.get("hidden") in _TRUE else ())
                continue
            stated = row.get("r", "")
            number = int(stated) if stated.isdecimal() and len(stated) < 8 else number + 1
            line = self._line(row, number)
            apply_merges(line.cells, number, merges, carried)
            if any(cell.text for cell in line.cells):
                found = columns.intersection(cell.column for cell in line.cells)
                self._hidden += len(found) + (row.get("hidden") in _TRUE)
                columns -= found
                yield line

    def _merges(self, name: str) -> dict[int, list[Merge]]:
        """Merged ranges by their first row. They are written behind the rows that they change."""
        found: dict[int, list[Merge]] = {}
        count = 0
        tail = b""
        stream = self._package.stream(name)
        while piece := stream.read(_PIECE_BYTES):
            piece = tail + piece
            end = 0
            for match in _MERGED.finditer(piece):
                end = match.end()
                count += 1
                merge = Merge(_column(match[1].decode()), _column(match[3].decode()), int(match[4]))
                if count <= _MOST_MERGES:
                    found.setdefault(int(match[2]), []).append(merge)
            tail = piece[max(end, len(piece) - _OVERLAP_BYTES) :]
        return found

    def _line(self, row: Element, number: int) -> SheetLine:
        cells = []
        numbered = set()
        column = -1
        for cell in row:
            match = _REFERENCE.match(cell.get("r", ""))
            column = _column(match[1]) if match else column + 1
            kind = cell.get("t", "n")
            text = one_line(self._value(cell, kind))
            if address := self._links.get(cell.get("r", "")) or linked_to(cell):
                target, left_out = link_target(address, text)
                text = f"{text}{target}"
                self._pages.losses[LINKS] += left_out
            if text and (note := self._notes.pop(cell.get("r", ""), "")):
                text = f"{text} [Note: {note}]"
            if text:
                cells.append(Cell(column, text))
                if kind == "n":
                    numbered.add(column)
        return SheetLine(number, cells, frozenset(numbered))

    def _value(self, cell: Element, kind: str) -> str:
        value = formula = inline = None
        for child in cell:
            name = local_name(child)
            if name == "v":
                value = child.text
            elif name == "f":
                formula = child.text
            elif name == "is":
                inline = child
        if kind == "inlineStr":
            return _rich_text(inline) if inline is not None else ""
        if value is None:
            self._without_result += formula is not None
            return f"={formula}" if formula is not None else ""
        if kind == "s":
            index = int(value) if value.strip().isdecimal() else -1
            text = self._strings[index] if 0 <= index < len(self._strings) else ""
            return self._formats.shown_text(text, cell.get("s", "0"))
        if kind == "b":
            return "TRUE" if value.strip() == "1" else "FALSE"
        return self._formats.shown(value, cell.get("s", "0")) if kind == "n" else str(value)


def _rich_text(item: Element) -> str:
    """The runs of a string, without the readings that East Asian cells carry beside them."""
    parts = []
    for child in item:
        name = local_name(child)
        if name == "t":
            parts.append(child.text or "")
        elif name == "r":
            position = child.find("{*}rPr/{*}vertAlign")
            mark = _POSITIONS.get(position.get("val", ""), str) if position is not None else str
            parts.extend(mark(text.text or "") for text in child if local_name(text) == "t")
    return "".join(parts)


def _columns(element: Element) -> range:
    """The columns, from 0, that an element of `<cols>` speaks of."""
    first, last = (element.get(name, "") for name in ("min", "max"))
    if not (first.isdecimal() and last.isdecimal() and len(last) < 6):
        return range(0)
    return range(int(first[:5]) - 1, min(int(last), _MOST_COLUMNS))


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1
