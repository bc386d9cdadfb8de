"""Tables whose cells are drawn: the lines of a page as grids, and the words within their cells.

Cells between which no line is drawn are one cell. A grid without lines between its rows is left to
`unruled_tables.py`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ingest.readers.pdf.geometry import Edge
from ingest.readers.pdf.lines import Word, by_line, lines_of_text
from ingest.readers.table_forms import keyed_line
from ingest.readers.table_rows import Cell, Row

_NEAR = 3.0
"""Points between lines that are meant as one, and between a line and one that it should touch."""
_MOST_LINES = 150
_FULL_ROWS = 0.8
_FEWEST_LINES = 3
"""Lines between two drawn ones, and the share of columns that each fills, from which on they are
rows: with 0.5, 7 % of the rows with drawn cells in `bench.pdf` fall apart."""

Field = tuple[int, int]
"""Row and column of a grid."""


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
        if min(len(self._xs), len(self._ys)) < 3:
            return False
        x, y = _center(word)
        return self._xs[0] < x < self._xs[-1] and self._ys[0] < y < self._ys[-1]

    def table(self, words: Sequence[Word]) -> Table | None:
        """The words in their cells, None if it is no table of rows and columns."""
        if not words or self._holds_rows(words):
            return None
        held: dict[Field, list[Word]] = defaultdict(list)
        for word in words:
            held[self._cell(*self._place(word))].append(word)
        height = len(self._ys) - 1
        rows = [self._row(row, held) for row in range(height)]
        if max(sum(1 for cell in row if cell.text) for row in rows) < 2:
            return None
        (x0, *columns, x1), (top, *_, bottom) = self._xs, self._ys
        form = self._form(held)
        if form:
            return Table(tuple(form), (), x0, x1, top, bottom, 0)
        light = {self._place(w)[0] for w in words if not all(run.bold for run in w.runs)}
        bold = [row not in light for row in range(height)]
        found = header_rows(rows, bold)
        return Table(tuple(rows), tuple(columns), x0, x1, top, bottom, found)

    def _place(self, word: Word) -> Field:
        x, y = _center(word)
        return bisect_right(self._ys, y) - 1, bisect_right(self._xs, x) - 1

    def _cell(self, row: int, column: int) -> Field:
        """The first field of the cell that a field belongs to: no line is drawn between them."""
        y = (self._ys[row] + self._ys[row + 1]) / 2
        while column and not _drawn(self._down, self._xs[column], y):
            column -= 1
        x = (self._xs[column] + self._xs[column + 1]) / 2
        while row and not _drawn(self._across, self._ys[row], x):
            row -= 1
        return row, column

    def _row(self, row: int, held: Mapping[Field, list[Word]]) -> Row:
        fields = [self._cell(row, column) for column in range(len(self._xs) - 1)]
        return [
            Cell(
                fields.index(cell),
                lines_of_text(held.get(cell, ())),
                fields.count(cell),
                cell[0] < row,
            )
            for cell in dict.fromkeys(fields)
        ]

    def _form(self, held: Mapping[Field, list[Word]]) -> list[Row]:
        """The rows of a form: each a title, or bold labels with their values."""
        rows: dict[int, list[tuple[str, bool]]] = defaultdict(list)
        for (row, _), words in sorted(held.items()):
            is_bold = all(run.bold for word in words for run in word.runs)
            rows[row].append((lines_of_text(words), is_bold))
        found = [is_form([bold for _, bold in row]) for row in rows.values()]
        titles = sum(len(row) == 1 and row[0][1] for row in rows.values())
        is_wide = max(map(len, rows.values())) > 2
        if not is_wide or sum(found) < 2 or sum(found) + titles < len(rows):
            return []
        return [form_row(row) for row in rows.values()]

    def _holds_rows(self, words: Iterable[Word]) -> bool:
        """Whether rows of text stand between two lines, in all columns alike: the rows of the
        table are not drawn."""
        bands: dict[int, list[Word]] = defaultdict(list)
        for word in words:
            bands[self._place(word)[0]].append(word)
        for inside in bands.values():
            filled = [{self._place(word)[1] for word in line} for line in by_line(inside)]
            columns = set().union(*filled)
            full = sum(map(len, filled)) >= _FULL_ROWS * len(columns) * len(filled)
            if len(filled) >= _FEWEST_LINES and len(columns) > 1 and full:
                return True
        return False


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


def header_rows(rows: Sequence[Row], is_bold: Sequence[bool]) -> int | None:
    """How many rows at the top are bold above others that are not; None if that tells nothing, as
    where a cell of the last one is merged with what stands below."""
    count = next((number for number, bold in enumerate(is_bold) if not bold), 0)
    if not count or sum(bool(cell.text) for cell in rows[0]) < 2:
        return None
    is_open = any(cell.continued for cell in rows[count])
    return None if is_open or any(cell.width > 1 for cell in rows[count - 1]) else count


def is_form(is_bold: Sequence[bool]) -> bool:
    """Whether the cells of a row are bold labels, each with its value at most: no value stands
    first or behind another."""
    return (
        is_bold[:1] == [True] and not all(is_bold) and all(any(pair) for pair in pairwise(is_bold))
    )


def form_row(parts: Iterable[tuple[str, bool]]) -> Row:
    """`label: value` in each cell, out of texts and whether they are bold."""
    pairs: list[list[Cell]] = []
    for text, bold in parts:
        if bold:
            pairs.append([])
        pairs[-1].append(Cell(len(pairs[-1]), text))
    return [Cell(column, keyed_line(pair)) for column, pair in enumerate(pairs)]
