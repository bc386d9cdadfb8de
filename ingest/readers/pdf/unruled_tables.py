"""Tables without drawn cells: neighbouring lines whose pieces stand below each other.

A piece below blank space of its row goes on with the cell above it; one that reaches over several
columns is a merged cell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from ingest.readers.pdf.lines import Piece, joined
from ingest.readers.pdf.ruled_tables import Table, form_row, header_rows, is_form
from ingest.readers.table_rows import Cell, Row, has_numbers

Line = list[Piece]

_FAR = 2.5
"""Blank height between two lines of a table, in sizes of their letters: half of it costs 27 % of
the rows without drawn cells in `bench.pdf`, twice nothing."""
_TIGHT = 1.15
"""Of the smallest step between lines, within a cell: 1.0 costs 36 % of those rows, 1.4 nothing."""
_LARGER = 1.07
"""Letters of a line between two tables, in sizes of those of the rows above it."""
_LOOSE = 0.2
"""Share of steps that part rows, from which on tight ones join lines."""
_MOST_ROWS = 200


def with_tables(lines: Sequence[Line]) -> Iterator[Line | Table]:
    """The lines from top to bottom, those that are rows of a table as one."""
    start = 0
    while start < len(lines):
        table, stop = _table_from(lines, start)
        if table is not None:
            yield table
        else:
            yield lines[start]
        start = stop


def _table_from(lines: Sequence[Line], start: int) -> tuple[Table | None, int]:
    form = _form_end(lines, start)
    if form:
        return _form(lines[start:form]), form
    stop = start + 1
    if not _may_begin(lines, start) or _is_above_form(lines, start):
        return None, stop
    most = min(len(lines), start + _MOST_ROWS)
    while stop < most and _is_near(lines[stop - 1], lines[stop]):
        alone = lines[stop][0] if len(lines[stop]) < 2 else None
        if alone is not None and (
            alone.size > _LARGER * lines[stop - 1][0].size or not _goes_on(lines, start, stop)
        ):
            break
        stop += 1
    while stop - start > 1 and len(lines[stop - 1]) < 2 and _is_left(lines, start, stop - 1):
        stop -= 1
    table = _table(lines[start:stop])
    return (table, stop) if table is not None else (None, start + 1)


def _form_end(lines: Sequence[Line], start: int) -> int:
    """Where a form ends that begins here; 0 if none does."""
    stop = start
    while stop < len(lines) and is_form([piece.bold for piece in lines[stop]]):
        if stop > start and not _is_near(lines[stop - 1], lines[stop]):
            break
        stop += 1
    return stop if stop - start > 1 and max(map(len, lines[start:stop])) > 2 else 0


def _is_above_form(lines: Sequence[Line], start: int) -> bool:
    """Whether titles of the columns of a form stand here, fewer than its labels and values."""
    stop = _form_end(lines, start + 1) if all(piece.bold for piece in lines[start]) else 0
    return bool(stop) and len(lines[start]) < max(map(len, lines[start + 1 : stop]))


def _form(lines: Sequence[Line]) -> Table:
    rows = [form_row([(piece.text, piece.bold) for piece in line]) for line in lines]
    pieces = [piece for line in lines for piece in line]
    return _bounded(rows, (), pieces, 0)


def _may_begin(lines: Sequence[Line], start: int) -> bool:
    """A row of cells, or a name above some columns of the row below."""
    line = lines[start]
    if len(line) > 1 or start + 1 == len(lines):
        return len(line) > 1
    below = lines[start + 1]
    return len(below) > 1 and _is_near(line, below) and below[0].x1 < line[0].x0 < below[-1].x1


def _is_near(above: Line, below: Line) -> bool:
    gap = min(piece.top for piece in below) - max(piece.bottom for piece in above)
    return gap < _FAR * max(piece.size for piece in below)


def _goes_on(lines: Sequence[Line], start: int, stop: int) -> bool:
    """Whether a piece that stands alone is a cell of the table or goes on with one."""
    piece = lines[stop][0]
    before = [cell for line in lines[start:stop] if len(line) > 1 for cell in line]
    touched = [cell for cell in before if cell.x0 < piece.x1 and piece.x0 < cell.x1]
    right = [cell for line in lines[start:stop] if len(line) > 1 for cell in line[1:]]
    return bool(touched) and (
        not _is_left(lines, start, stop) or piece.x1 < min(cell.x0 for cell in right)
    )


def _is_left(lines: Sequence[Line], start: int, number: int) -> bool:
    left = min(line[0].x0 for line in lines[start:number])
    return lines[number][0].x0 < left + lines[number][0].size


def _table(lines: Sequence[Line]) -> Table | None:
    full = [line for line in lines if len(line) > 1]
    if len(full) < 2:
        return None
    columns = _columns(full)
    placed = [_placed(line, columns) for line in lines]
    if len(columns) < 2:
        return None
    rows, is_bold = _merged(lines, placed)
    if len(rows) < 2:
        return None
    bold = header_rows(rows, is_bold)
    if len(rows) == 2 and not bold and not _is_wide(rows, columns):
        return None
    if max(len(row) for row in rows) < 2:
        return None
    pieces = [piece for line in lines for piece in line]
    edges = tuple((a[1] + b[0]) / 2 for a, b in pairwise(columns))
    return _bounded(rows, edges, pieces, bold)


def _bounded(
    rows: Sequence[Row], edges: tuple[float, ...], pieces: Sequence[Piece], header_rows: int | None
) -> Table:
    return Table(
        tuple(rows),
        edges,
        min(piece.x0 for piece in pieces),
        max(piece.x1 for piece in pieces),
        min(piece.top for piece in pieces),
        max(piece.bottom for piece in pieces),
        header_rows,
    )


def _is_wide(rows: Sequence[Row], columns: Sequence[object]) -> bool:
    return len(columns) > 2 and has_numbers(rows[1])


def _columns(lines: Sequence[Line]) -> list[tuple[float, float]]:
    """The extents of the columns: of the rows with the usual number of cells, then of others."""
    counts = Counter(map(len, lines))
    usual = max(counts, key=lambda count: (counts[count] * count, count))
    found: list[tuple[float, float]] = []
    for line in sorted(lines, key=lambda line: abs(len(line) - usual)):
        for piece in line:
            touched = [column for column in found if column[0] < piece.x1 and piece.x0 < column[1]]
            if len(line) == usual or len(touched) < 2:
                x0 = min([piece.x0, *(column[0] for column in touched)])
                x1 = max([piece.x1, *(column[1] for column in touched)])
                found = [column for column in found if column not in touched] + [(x0, x1)]
    return sorted(found)


def _placed(line: Line, columns: Sequence[tuple[float, float]]) -> list[Cell]:
    cells: list[Cell] = []
    for piece in line:
        touched = [n for n, (x0, x1) in enumerate(columns) if x0 < piece.x1 and piece.x0 < x1]
        first, width = (touched[0], len(touched)) if touched else (0, 1)
        if cells and cells[-1].column == first:
            cells[-1] = Cell(first, joined((cells[-1].text, piece.text)), cells[-1].width)
        else:
            cells.append(Cell(first, piece.text, width))
    return cells


def _merged(lines: Sequence[Line], placed: list[list[Cell]]) -> tuple[list[Row], list[bool]]:
    """Rows of the table out of lines of text, and which of them are bold."""
    steps = [b[0].baseline - a[0].baseline for a, b in pairwise(lines)]
    tight = _TIGHT * min(steps)
    is_loose = sum(step > tight for step in steps) > _LOOSE * len(steps)
    rows: list[list[Cell]] = []
    bold: list[bool] = []
    for number, (line, cells) in enumerate(zip(lines, placed, strict=True)):
        is_bold = all(piece.bold for piece in line)
        if rows and _continues(rows[-1], cells, steps[number - 1] <= tight, is_loose):
            rows[-1] = _joined(rows[-1], cells)
            bold[-1] = bold[-1] and is_bold
            continue
        rows.append(cells)
        bold.append(is_bold)
    return list(rows), bold


def _continues(above: list[Cell], cells: list[Cell], is_tight: bool, is_loose: bool) -> bool:
    columns = {cell.column for cell in above}
    if not {cell.column for cell in cells} <= columns or not is_tight:
        return False
    return len(cells) < len(above) and (is_loose or cells[0].column > 0)


def _joined(above: list[Cell], cells: list[Cell]) -> list[Cell]:
    more = {cell.column: cell.text for cell in cells}
    return [
        Cell(cell.column, joined((cell.text, more.get(cell.column, ""))), cell.width)
        for cell in above
    ]
