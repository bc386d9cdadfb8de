"""The tables of a sheet, parted by blank rows.

A stretch of rows goes on with the names of the columns above it, or begins a table of its own.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import chain, islice, pairwise
from typing import NamedTuple

from ingest.readers.pages import PageWriter
from ingest.readers.table_forms import value_kind
from ingest.readers.table_rows import Cell, Header

_DIGIT = re.compile(r"\d")
_COLUMNS, _ROWS = 16_384, 1_048_576
_FEW_ROWS = 20
_MANY_ROWS = 200
"""Among which tables beside each other are looked for."""
_MAX_HEADER_ROWS = 3


class SheetLine(NamedTuple):
    """A row of a sheet that holds something.

    `figures` are the columns with numbers and dates; None where the file does not say.
    """

    number: int
    cells: list[Cell]
    figures: frozenset[int] | None = None

    @property
    def numbered(self) -> frozenset[int]:
        """The columns with numbers and dates, by the look of the values where need be."""
        if self.figures is not None:
            return self.figures
        kinds = ("number", "date", "share")
        return frozenset(cell.column for cell in self.cells if value_kind(cell.text) in kinds)


@dataclass(frozen=True, slots=True)
class Merge:
    """Cells merged from `column` on; columns and rows are counted as those of the lines."""

    column: int
    last_column: int
    last_row: int


def write_sheet(pages: PageWriter, lines: Iterator[SheetLine]) -> None:
    """Write the tables of a sheet, a block per row."""
    names: Header = {}
    columns = range(0)
    numbered = frozenset[int]()
    for stretch in _tables(lines):
        ahead = list(islice(stretch, _MANY_ROWS))
        beside = _side_by_side(ahead)
        if beside:
            _write_each(pages, [*ahead, *stretch], beside)
            names = {}
            continue
        table = chain(ahead[_FEW_ROWS:], stretch)
        ahead = ahead[:_FEW_ROWS]
        extent = _extent(ahead)
        same = bool(names) and extent.start >= columns.start and extent.stop <= columns.stop
        alone = all(len(line.cells) == 1 for line in ahead)
        figures = frozenset[int]().union(*(line.numbered for line in ahead))
        other = bool(numbered) and not numbered & figures
        goes_on = same and not alone and not other and not _names_columns(ahead)
        rows = (line.cells for line in chain(ahead, table))
        found = pages.table(rows, 0 if goes_on else None, names if goes_on else None)
        if not goes_on and not alone:
            names, columns, numbered = found, extent, figures


def _write_each(pages: PageWriter, lines: list[SheetLine], starts: list[int]) -> None:
    """Write tables that stand beside each other; what reaches over several is their title."""
    rest = []
    for line in lines:
        cell = line.cells[0]
        if len(line.cells) == 1 and any(cell.column < x < cell.column + cell.width for x in starts):
            pages.put("paragraph", cell.text)
        else:
            rest.append(line)
    for start, stop in pairwise([0, *starts, _COLUMNS]):
        parts = (
            SheetLine(line.number, cells, line.numbered.intersection(range(start, stop)))
            for line in rest
            if (cells := [cell for cell in line.cells if start <= cell.column < stop])
        )
        write_sheet(pages, parts)


def _side_by_side(ahead: list[SheetLine]) -> list[int]:
    """Where the second and further tables begin, if blank columns part tables.

    Each then has two columns or more, and names its rows: its first column holds words, or is
    called as that of the table before it. A blank column before mere figures parts no tables.
    """
    rows = [line for line in ahead if len(line.cells) > 1]
    filled = sorted({(c.column, c.column + c.width) for r in rows for c in r.cells})
    groups: list[tuple[int, int]] = []
    for start, stop in filled:
        if groups and start <= groups[-1][1]:
            groups[-1] = (groups[-1][0], max(groups[-1][1], stop))
        else:
            groups.append((start, stop))
    figures = frozenset[int]().union(*(line.numbered for line in rows))
    named = [_first_text(rows, start) for start, _ in groups]
    parted = len(groups) > 1 and all(
        stop - start > 1 and (start not in figures or name == named[0])
        for (start, stop), name in zip(groups, named, strict=True)
    )
    return [start for start, _ in groups[1:]] if parted else []


def _first_text(rows: list[SheetLine], column: int) -> str:
    return next((cell.text for row in rows for cell in row.cells if cell.column == column), "")


def _tables(lines: Iterator[SheetLine]) -> Iterator[Iterator[SheetLine]]:
    """The rows between blank rows; each stretch has to be used up before the next."""
    held: list[SheetLine] = []

    def stretch(first: SheetLine) -> Iterator[SheetLine]:
        yield first
        before = deque([first], _MAX_HEADER_ROWS + 1)
        for line in lines:
            if line.number > before[-1].number + 1 and not _is_under_header(before, line):
                held.append(line)
                return
            before.append(line)
            yield line

    first = next(lines, None)
    while first is not None:
        current = stretch(first)
        yield current
        for _ in current:
            pass
        first = held.pop() if held else None


def _is_under_header(above: Collection[SheetLine], line: SheetLine) -> bool:
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
    """Whether the first row of a later stretch is a header: words above numbers or codes."""
    first, rest = ahead[0], ahead[1:]
    if len(first.cells) < 2 or first.numbered or not rest:
        return False
    coded = [{c.column for c in line.cells if _DIGIT.search(c.text)} for line in rest]
    named = {cell.column for cell in first.cells if not _DIGIT.search(cell.text)}
    return any(line.numbered for line in rest) or bool(named.intersection(*coded))


def apply_merges(
    line: list[Cell],
    number: int,
    merges: dict[int, list[Merge]],
    carried: dict[int, tuple[str, int]],
) -> None:
    """Widen merged cells and repeat them in the rows below; `carried` holds text and last row."""
    started = {merge.column: merge for merge in merges.get(number, ())}
    for index, cell in enumerate(line):
        if (merge := started.get(cell.column)) is not None:
            width = max(1, min(merge.last_column, _COLUMNS) - merge.column + 1)
            line[index] = Cell(cell.column, cell.text, width)
            if merge.last_row > number:
                carried[cell.column] = (cell.text, min(merge.last_row, _ROWS))
    taken = {cell.column for cell in line}
    for column, (text, last) in list(carried.items()):
        if number > last:
            del carried[column]
        elif column not in taken and column not in started and line:
            line.append(Cell(column, text, 1, True))
    line.sort(key=lambda cell: cell.column)
