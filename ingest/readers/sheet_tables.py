"""The tables of a sheet, parted by blank rows.

A stretch of rows goes on with the names of the columns above it, or begins a table of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice

from ingest.readers.pages import PageWriter
from ingest.readers.table_rows import Cell, Header

_FEW_ROWS = 20
_MAX_HEADER_ROWS = 3


@dataclass(frozen=True, slots=True)
class SheetLine:
    """A row of a sheet that holds something; `numbered` are columns with numbers."""

    number: int
    cells: list[Cell]
    numbered: frozenset[int]


def write_sheet(pages: PageWriter, lines: Iterator[SheetLine]) -> None:
    """Write the tables of a sheet, a block per row."""
    names: Header = {}
    columns = range(0)
    for table in _tables(lines):
        ahead = list(islice(table, _FEW_ROWS))
        extent = _extent(ahead)
        same = bool(names) and extent.start >= columns.start and extent.stop <= columns.stop
        alone = all(len(line.cells) == 1 for line in ahead)
        goes_on = same and not alone and not _names_columns(ahead)
        rows = (line.cells for line in chain(ahead, table))
        found = pages.table(rows, 0 if goes_on else None, names if goes_on else None)
        if not goes_on and not alone:
            names, columns = found, extent


def _tables(lines: Iterator[SheetLine]) -> Iterator[Iterator[SheetLine]]:
    """The rows between blank rows; each stretch has to be used up before the next."""
    held: list[SheetLine] = []

    def stretch(first: SheetLine) -> Iterator[SheetLine]:
        yield first
        before = [first]
        for line in lines:
            if line.number > before[-1].number + 1 and not _is_under_header(before, line):
                held.append(line)
                return
            before = [*before[-_MAX_HEADER_ROWS:], line]
            yield line

    first = next(lines, None)
    while first is not None:
        current = stretch(first)
        yield current
        for _ in current:
            pass
        first = held.pop() if held else None


def _is_under_header(above: list[SheetLine], line: SheetLine) -> bool:
    """Whether only a blank row parts figures from the names of their columns."""
    return (
        len(above) <= _MAX_HEADER_ROWS
        and bool(line.numbered)
        and not any(one.numbered for one in above)
        and any(len(one.cells) > 1 for one in above)
    )


def _extent(lines: list[SheetLine]) -> range:
    columns = [cell.column for line in lines for cell in line.cells]
    return range(min(columns), max(columns) + 1)


def _names_columns(ahead: list[SheetLine]) -> bool:
    """Whether the first row of a later stretch is a header: words above numbers."""
    first, rest = ahead[0], ahead[1:]
    words = [cell.text for cell in first.cells]
    below = frozenset[int]().union(*(line.numbered for line in rest))
    return len(words) > 1 and not first.numbered and bool(below)
