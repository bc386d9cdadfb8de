"""Excel 2003 XML (SpreadsheetML): a workbook as one XML file, often named .xls or .xml."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from ingest.readers.link_targets import LINKS, link_target
from ingest.readers.office.xml_parts import MAX_TREE_BYTES, PARSER, Element, parse_xml, quoted
from ingest.readers.pages import PageWriter, enumerated
from ingest.readers.raised_text import lowered, raised
from ingest.readers.sheet_tables import Merge, SheetLine, apply_merges, write_sheet
from ingest.readers.sheets.xlsx_values import GENERAL, Formats
from ingest.readers.table_rows import Cell, one_line
from ingest.types import Extraction, ReadOptions

_S = "{urn:schemas-microsoft-com:office:spreadsheet}"
_CODES = {
    **dict.fromkeys(("Short Date", "Medium Date", "Long Date"), "yyyy-mm-dd"),
    **{"General Date": "yyyy-mm-dd h:mm", "General Number": GENERAL, "Long Time": "h:mm:ss"},
    **{"Short Time": "h:mm", "Medium Time": "h:mm AM/PM", "Fixed": "0.00", "Percent": "0.00%"},
    **{"Standard": "#,##0.00", "Currency": "#,##0.00", "Euro Currency": '"€"#,##0.00'},
    **{"Scientific": "0.00E+00", "Yes/No": '"Yes";"Yes";"No"', "On/Off": '"On";"On";"Off"'},
    "True/False": '"True";"True";"False"',
}
"""Formats that are called by a name."""


def read_xml_workbook(source: BinaryIO, options: ReadOptions) -> Extraction:
    """The sheets in the order of their tabs.

    Raises:
        UnreadableFile: no text, too long, damaged.
    """
    book = parse_xml(source.read(MAX_TREE_BYTES + 1), "Workbook")
    from_1904 = next(book.iter("{*}Date1904"), None) is not None
    sheets = _Sheets(PageWriter(options), Formats(_codes(book), from_1904=from_1904))
    return sheets.extraction(book)


def _codes(book: Element) -> dict[str, str]:
    codes: dict[str, str] = {}
    for style in book.iterfind(f"{_S}Styles/{_S}Style"):
        stated = style.find(f"{_S}NumberFormat")
        code = stated.get(f"{_S}Format") if stated is not None else None
        inherited = codes.get(style.get(f"{_S}Parent", "Default"), GENERAL)
        codes[style.get(f"{_S}ID", "")] = _CODES.get(code, code) if code else inherited
    return codes


class _Sheets:
    """One pass over all sheets."""

    def __init__(self, pages: PageWriter, formats: Formats) -> None:
        self._pages, self._formats = pages, formats
        self._hidden = 0

    def extraction(self, book: Element) -> Extraction:
        hidden = []
        for number, sheet in enumerate(book.iterfind(f"{_S}Worksheet")):
            if number:
                self._pages.turn_page()
            name = one_line(sheet.get(f"{_S}Name", ""))
            if sheet.findtext("{*}WorksheetOptions/{*}Visible", "").startswith("SheetHidden"):
                hidden.append(quoted(name))
            if lines := list(self._lines(sheet)):
                self._pages.put("heading", name, 1)
                write_sheet(self._pages, iter(lines))
        told = [f"Hidden sheets were read, too: {enumerated(hidden)}."] if hidden else []
        if self._hidden:
            told.append(f"Hidden rows and columns were read, too: {self._hidden}.")
        return self._pages.extraction(f"kb xml workbook 1 on {PARSER}", "workbook", told)

    def _lines(self, sheet: Element) -> Iterator[SheetLine]:
        self._hidden += len(sheet.findall(f"{_S}Table/{_S}Column[@{_S}Hidden='1']"))
        carried: dict[int, tuple[str, int]] = {}
        number = -1
        for row in sheet.iterfind(f"{_S}Table/{_S}Row"):
            number = _whole(row, "Index", number + 2) - 1
            line, merges, figures, column = list[Cell](), list[Merge](), set[int](), -1
            for cell in row.iterfind(f"{_S}Cell"):
                column = _whole(cell, "Index", column + 2) - 1
                last = column + _whole(cell, "MergeAcross", 0)
                last_row = number + _whole(cell, "MergeDown", 0)
                if last > column or last_row > number:
                    merges.append(Merge(column, last, last_row))
                if text := self._text(cell, row):
                    line.append(Cell(column, text))
                    kind = cell.find(f"{_S}Data").get(f"{_S}Type")
                    figures |= {column} if kind in ("Number", "DateTime") else set()
                column = last
            apply_merges(line, number, {number: merges}, carried)
            if line:
                self._hidden += row.get(f"{_S}Hidden") == "1"
                yield SheetLine(number, line, frozenset(figures))
            number += _whole(row, "Span", 0)

    def _text(self, cell: Element, row: Element) -> str:
        data = cell.find(f"{_S}Data")
        if data is None:
            return ""
        for name, mark in (("Sup", raised), ("Sub", lowered)):
            for part in data.iter(f"{{*}}{name}"):
                part.text = mark(part.text or "")
        text, kind = "".join(data.itertext()), data.get(f"{_S}Type")
        style = cell.get(f"{_S}StyleID") or row.get(f"{_S}StyleID") or "Default"
        if kind == "Boolean":
            text = "TRUE" if text.strip() == "1" else "FALSE"
        elif kind in ("Number", "DateTime", "String"):
            formats = self._formats
            shown = {"Number": formats.shown, "DateTime": formats.shown_moment}
            text = shown.get(kind, formats.shown_text)(text, style)
        text = one_line(text)
        target, left_out = link_target(cell.get(f"{_S}HRef") or "", text)
        self._pages.losses[LINKS] += left_out
        note = one_line("".join(cell.xpath("string(*[local-name()='Comment'])")))
        return f"{text}{target}" + (f" [Note: {note}]" if text and note else "")


def _whole(element: Element, name: str, default: int) -> int:
    value = element.get(f"{_S}{name}", "")
    return int(value) if value.isdecimal() and len(value) < 8 else default
