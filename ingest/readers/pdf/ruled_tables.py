"""Tables whose cells are drawn: the lines of a page as grids, and the words within their cells.

Cells between which no line is drawn are one cell. A grid that has no lines between its rows gets
them from the words, where these stand in rows.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ingest.readers.pdf.geometry import Edge
from ingest.readers.pdf.lines import Word, by_line, lines_of_text
from ingest.readers.table_rows import Cell, Row

_NEAR = 3.0
"""Points between lines that are meant as one, and between a line and one that it should touch."""
_MOST_LINES = 600
_FEWEST_FILLED = 0.3
_FULL_ROWS = 0.8
_FEWEST_LINES = 3


@dataclass(frozen=True, slots=True)
class Table:
    """Rows, with the edges of the columns; `header_rows` is None if nothing tells them."""

    rows: tuple[Row, ...]
    columns: tuple[float, ...]
    x0: float
    x1: float
    top: float
    bottom: float
    header_rows: int | None = None


def ruled_tables(
    words: Sequence[Word], across: Iterable[Edge], down: Iterable[Edge]
) -> tuple[list[Table], list[Word]]:
    """The tables whose cells are drawn, and the words that stand in none of them."""
    rows, columns = _joined(across), _joined(down)
    if len(rows) > _MOST_LINES or len(columns) > _MOST_LINES:
        return [], list(words)
    tables, left = [], list(words)
    for group in _connected(rows, columns):
        grid = _Grid(*group)
        inside = [word for word in left if grid.holds(word)]
        table = grid.table(inside)
        if table is not None:
            tables.append(table)
            taken = {word.place for word in inside}
            left = [word for word in left if word.place not in taken]
    return tables, left


def _joined(edges: Iterable[Edge]) -> list[Edge]:
    """Edges on one line that touch each other as one."""
    found: list[Edge] = []
    known = list(edges)
    places = _near(edge.at for edge in known)
    snapped = (edge._replace(at=places[bisect_right(places, edge.at) - 1]) for edge in known)
    for edge in sorted(snapped):
        if found and found[-1].at == edge.at and edge.start <= found[-1].end + _NEAR:
            found[-1] = found[-1]._replace(end=max(found[-1].end, edge.end))
        else:
            found.append(edge)
    return found


def _near(places: Iterable[float]) -> list[float]:
    """The first of each group of places that lie close together."""
    found: list[float] = []
    last = 0.0
    for place in sorted(places):
        if not found or place - last > _NEAR:
            found.append(place)
        last = place
    return found


def _crosses(row: Edge, column: Edge) -> bool:
    return (
        row.start - _NEAR <= column.at <= row.end + _NEAR
        and column.start - _NEAR <= row.at <= column.end + _NEAR
    )


def _connected(rows: list[Edge], columns: list[Edge]) -> list[tuple[list[Edge], list[Edge]]]:
    """Lines that touch each other, if enough of them for a grid."""
    groups = []
    left_rows, left_columns = set(range(len(rows))), set(range(len(columns)))
    while left_columns:
        new_columns, group_rows, group_columns = {left_columns.pop()}, set(), set()
        while new_columns:
            group_columns |= new_columns
            new_rows = {
                r for r in left_rows if any(_crosses(rows[r], columns[c]) for c in new_columns)
            }
            left_rows -= new_rows
            group_rows |= new_rows
            new_columns = {
                c for c in left_columns if any(_crosses(rows[r], columns[c]) for r in new_rows)
            }
            left_columns -= new_columns
        groups.append(([rows[r] for r in group_rows], [columns[c] for c in group_columns]))
    return groups


class _Grid:
    def __init__(self, rows: list[Edge], columns: list[Edge]) -> None:
        self._across, self._down = rows, columns
        self._xs = _places([c.at for c in columns], [x for r in rows for x in (r.start, r.end)])
        self._ys = _places([r.at for r in rows], [y for c in columns for y in (c.start, c.end)])

    def holds(self, word: Word) -> bool:
        """Whether a word stands within."""
        if len(self._xs) < 2 or len(self._ys) < 2:
            return False
        x, y = _center(word)
        return self._xs[0] < x < self._xs[-1] and self._ys[0] < y < self._ys[-1]

    def table(self, words: Sequence[Word]) -> Table | None:
        """The words in their cells, None if it is no table of rows and columns."""
        if len(self._xs) < 3 or not words:
            return None
        self._split_rows(words)
        if len(self._ys) < 3:
            return None
        areas = self._areas()
        held: dict[int, list[Word]] = defaultdict(list)
        for word in words:
            row, column = self._place(word)
            held[areas[row][column]].append(word)
        distinct = {area for row in areas for area in row}
        if len(held) < max(3, _FEWEST_FILLED * len(distinct)):
            return None
        rows = [self._row(areas, number, held) for number in range(len(areas))]
        if max(sum(1 for cell in row if cell.text) for row in rows) < 2:
            return None
        return Table(
            tuple(rows),
            tuple(self._xs[1:-1]),
            self._xs[0],
            self._xs[-1],
            self._ys[0],
            self._ys[-1],
            header_rows(rows, [_is_bold(row, held) for row in areas]),
        )

    def _place(self, word: Word) -> tuple[int, int]:
        x, y = _center(word)
        return bisect_right(self._ys, y) - 1, bisect_right(self._xs, x) - 1

    def _areas(self) -> list[list[int]]:
        """For each field of the grid the number of its cell: fields without a line between."""
        width = len(self._xs) - 1
        parents = list(range(width * (len(self._ys) - 1)))

        def root(field: int) -> int:
            while parents[field] != field:
                field = parents[field]
            return field

        for row in range(len(self._ys) - 1):
            for column in range(width):
                field = row * width + column
                x = (self._xs[column] + self._xs[column + 1]) / 2
                y = (self._ys[row] + self._ys[row + 1]) / 2
                if column and not _drawn(self._down, self._xs[column], y):
                    parents[root(field)] = root(field - 1)
                if row and not _drawn(self._across, self._ys[row], x):
                    parents[root(field)] = root(field - width)
        return [
            [root(row * width + column) for column in range(width)]
            for row in range(len(self._ys) - 1)
        ]

    def _row(self, areas: list[list[int]], row: int, held: dict[int, list[Word]]) -> Row:
        cells: list[Cell] = []
        for column, area in enumerate(areas[row]):
            if column and areas[row][column - 1] == area:
                cells[-1] = Cell(
                    cells[-1].column, cells[-1].text, cells[-1].width + 1, cells[-1].continued
                )
                continue
            continued = row > 0 and area in areas[row - 1]
            cells.append(Cell(column, lines_of_text(held.get(area, [])), 1, continued))
        return cells

    def _split_rows(self, words: Sequence[Word]) -> None:
        """Rows of text between which no line is drawn, in all columns, are rows of the table."""
        bands: dict[int, list[Word]] = defaultdict(list)
        for word in words:
            bands[self._place(word)[0]].append(word)
        more: list[float] = []
        for inside in bands.values():
            lines = by_line(inside)
            filled = [{self._place(word)[1] for word in line} for line in lines]
            columns = set().union(*filled)
            full = sum(map(len, filled)) / (len(columns) * len(lines))
            if len(lines) >= _FEWEST_LINES and len(columns) > 1 and full >= _FULL_ROWS:
                more.extend(line[0].baseline - line[0].size for line in lines[1:])
        for y in more:
            self._across.append(Edge(y, self._xs[0], self._xs[-1]))
        self._ys = sorted([*self._ys, *more])


def _places(lines: Iterable[float], ends: Iterable[float]) -> list[float]:
    """Where a grid is divided: at its lines, and where the lines that cross them end."""
    found = _near(lines)
    for end in _near(ends):
        if all(abs(end - place) > _NEAR for place in found):
            found.append(end)
    return sorted(found)


def _drawn(edges: Iterable[Edge], at: float, middle: float) -> bool:
    return any(abs(edge.at - at) <= _NEAR and edge.start <= middle <= edge.end for edge in edges)


def _center(word: Word) -> tuple[float, float]:
    return (word.x0 + word.x1) / 2, word.baseline - 0.3 * word.size


def _is_bold(areas: Iterable[int], held: dict[int, list[Word]]) -> bool:
    return all(run.bold for area in areas for word in held.get(area, []) for run in word.runs)


def header_rows(rows: Sequence[Row], is_bold: Sequence[bool]) -> int | None:
    """How many rows at the top are bold above others that are not; None if that tells nothing, as
    where a cell of the last one is merged with what stands below."""
    count = next((number for number, bold in enumerate(is_bold) if not bold), 0)
    if not count or sum(bool(cell.text) for cell in rows[0]) < 2:
        return None
    is_open = any(cell.continued for cell in rows[count])
    return None if is_open or any(cell.width > 1 for cell in rows[count - 1]) else count
