"""XLS and XLSB workbooks, through python-calamine: values, dates and merged cells.

It knows neither number formats nor notes, pictures and text boxes, and the receipt says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from importlib.metadata import version
from io import BytesIO
from struct import unpack
from typing import BinaryIO

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from ingest.readers.office.package import Package
from ingest.readers.office.xml_parts import quoted
from ingest.readers.pages import PageWriter, enumerated
from ingest.readers.sheet_tables import Merge, SheetLine, apply_merges, write_sheet
from ingest.readers.sheets.xlsx_values import duration, plain_number
from ingest.readers.table_rows import Cell, one_line
from ingest.types import Extraction, ReadOptions
from kb.errors import UnreadableFile

_EXTENT = re.compile(rb"\x94\x01\x10(.{16})", re.DOTALL)
"""First and last row and column of a sheet (BrtWsDim, MS-XLSB 2.4.858)."""
_HEAD_BYTES = 4096
_MOST_SHEETS = 1000
_MOST_CELLS = 20_000_000
"""They take half of a reader's memory."""
_NOT_READ = (
    "Number formats, notes, text boxes and pictures of this workbook were not read. Save it as "
    ".xlsx to have them."
)


def read_binary_workbook(source: BinaryIO, options: ReadOptions) -> Extraction:
    """The sheets in the order of their tabs.

    Raises:
        UnreadableFile: no text, too long, damaged, locked, or not a workbook.
    """
    if source.read(2) == b"PK":
        _refuse_vast_sheets(Package(source))  # and what it unpacks to is inspected
    source.seek(0)
    pages = PageWriter(options)
    try:
        with CalamineWorkbook.from_filelike(BytesIO(source.read())) as book:
            hidden = [_write(book, number, pages) for number in range(len(book.sheets_metadata))]
    except PasswordError as exc:
        raise UnreadableFile(
            "The workbook asks for a password. Save a copy without one and upload that.",
            reason="password_required",
        ) from exc
    except BaseException as exc:
        if not _is_damage(exc):
            raise
        raise UnreadableFile(
            f"The workbook is damaged ({exc}). Open it in its program and save it anew.",
            reason="damaged_file",
        ) from exc
    shown = [name for name in hidden if name]
    flagged = [f"Hidden sheets were read, too: {enumerated(shown)}."] if shown else []
    parser = f"python-calamine {version('python-calamine')}"
    return pages.extraction(parser, "workbook", [*flagged, _NOT_READ])


def _refuse_vast_sheets(package: Package) -> None:
    """The library keeps every cell of a sheet up to its last one, blank or not."""
    for number in range(1, _MOST_SHEETS):
        part = package.find(f"xl/worksheets/sheet{number}.bin")
        if part is None:
            return
        size = _EXTENT.search(package.stream(part).read(_HEAD_BYTES))
        first, last, left, right = unpack("<IIII", size[1]) if size is not None else (0, 0, 0, 0)
        if (last - first + 1) * (right - left + 1) > _MOST_CELLS:
            raise UnreadableFile(
                f"Sheet {number} has cells far from each other: {last - first + 1:,} rows by "
                f"{right - left + 1:,} columns. Delete those far away, or save it as .xlsx.",
                reason="too_large",
            )


def _is_damage(exc: BaseException) -> bool:
    """Whether the library could not read on. Its panics are not `Exception`s, and no module has
    their class."""
    is_panic = type(exc).__module__ == "pyo3_runtime"
    return is_panic or isinstance(exc, CalamineError | OSError | ValueError)


def _write(book: CalamineWorkbook, number: int, pages: PageWriter) -> str:
    """Write a sheet on a page of its own; returns its name if it is hidden, quoted."""
    about = book.sheets_metadata[number]
    if number:
        pages.turn_page()
    if about.typ != SheetTypeEnum.WorkSheet:
        return ""
    sheet = book.get_sheet_by_index(number)
    if sheet.height:
        pages.put("heading", one_line(about.name), 1)
        write_sheet(pages, _lines(sheet))
    return "" if about.visible == SheetVisibleEnum.Visible else quoted(about.name)


def _lines(sheet: CalamineSheet) -> Iterator[SheetLine]:
    merges: dict[int, list[Merge]] = {}
    for (row, column), (last_row, last_column) in sheet.merged_cell_ranges or ():
        merges.setdefault(row, []).append(Merge(column, last_column, last_row))
    carried: dict[int, tuple[str, int]] = {}
    for number, values in enumerate(sheet.iter_rows()):
        line = [
            Cell(n, text) for n, value in enumerate(values) if (text := one_line(_shown(value)))
        ]
        apply_merges(line, number, merges, carried)
        if line:
            numbered = (n for n, value in enumerate(values) if not isinstance(value, str | bool))
            yield SheetLine(number, line, frozenset(numbered))


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return plain_number(float(value))
    if isinstance(value, timedelta):
        return duration(value / timedelta(days=1))
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date | time) else str(value)
