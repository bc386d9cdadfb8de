"""Tables of HTML as rows of cells in their columns, for the lines that tables of any format become.

Merged cells (`rowspan`, `colspan`) repeat where a reader sees them. A later row of head cells
begins a table of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from selectolax.lexbor import LexborNode

from ingest.readers.table_rows import Cell, Row
from ingest.readers.web.html_boilerplate import children
from ingest.readers.web.html_elements import raw_text

_LONGEST_CELL = 1000
"""A table with a longer cell lays out a page; its cells are read as text, not as data."""
_WIDEST = 1000
_SECTIONS = ("thead", "tbody", "tfoot")


@dataclass(frozen=True, slots=True)
class HtmlTable:
    """Rows under one head. `header_rows` is None where the markup does not say.

    `keyed`: each row begins with its own name, a head cell.
    """

    rows: list[Row]
    header_rows: int | None
    keyed: bool


def own_rows(table: LexborNode) -> list[LexborNode]:
    """The rows of a table, not those of tables in its cells."""
    rows: list[LexborNode] = []
    for child in children(table):
        if child.tag in _SECTIONS:
            rows += [row for row in children(child) if row.tag == "tr"]
        elif child.tag == "tr":
            rows.append(child)
    return rows


def own_cells(row: LexborNode) -> list[LexborNode]:
    """The cells of a row."""
    return [cell for cell in children(row) if cell.tag in ("td", "th")]


def is_data(table: LexborNode) -> bool:
    """Whether a table holds data rather than laying out a page."""
    rows = [own_cells(row) for row in own_rows(table)]
    cells = [cell for row in rows for cell in row]
    inner = [one for one in table.css("table") if one.mem_id != table.mem_id]
    too_deep = any(len(one.css("table")) > 1 for one in inner)
    if max(map(len, rows), default=0) < 2 or too_deep or table.css_first("h1, h2, pre"):
        return False
    has_head = len(rows) > 1 and any(
        _is_head(row) or _is_keyed(own_cells(row)) for row in own_rows(table)
    )
    if not has_head and (inner or table.css_first("ul, ol, h3") is not None):
        return False
    return all(len(raw_text(cell)) <= _LONGEST_CELL for cell in cells)


def tables(table: LexborNode, text_of: Callable[[LexborNode], str]) -> Iterator[HtmlTable]:
    """The table, or several where a row of head cells stands between others."""
    elements = own_rows(table)
    rows = list(_grid(elements, text_of))
    starts = [0] + [
        number
        for number in range(1, len(rows))
        if _is_head(elements[number]) and not _is_head(elements[number - 1])
    ]
    for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
        part = elements[start:end]
        head = next((n for n, row in enumerate(part) if not _is_head(row)), len(part))
        keyed = not head and all(_is_keyed(own_cells(row)) for row in part)
        known = min(head, len(part) - 1) if len(part) > 1 else None
        yield HtmlTable(rows[start:end], known or None, keyed)


def _is_head(row: LexborNode) -> bool:
    """Whether a row names columns; one head cell alone is the heading of a section."""
    cells = own_cells(row)
    in_head = row.parent is not None and row.parent.tag == "thead"
    return len(cells) > 1 and (in_head or all(cell.tag == "th" or _is_bold(cell) for cell in cells))


def _is_bold(cell: LexborNode) -> bool:
    bold = cell.css_first("b, strong")
    return bold is not None and raw_text(bold).strip() == raw_text(cell).strip()


def _is_keyed(cells: list[LexborNode]) -> bool:
    return len(cells) < 2 or (cells[0].tag == "th" and all(c.tag == "td" for c in cells[1:]))


def _grid(rows: list[LexborNode], text_of: Callable[[LexborNode], str]) -> Iterator[Row]:
    reaching: dict[int, tuple[str, int]] = {}
    """Column → text of a cell from above, and how many rows it still reaches into."""
    for row in rows:
        line: list[Cell] = []
        column = 0
        for cell in own_cells(row):
            column = _repeat(line, column, reaching)
            text = text_of(cell)
            width = _span(cell, "colspan", _WIDEST)
            line.append(Cell(column, text, width))
            for covered in range(column, column + width):
                reaching[covered] = (text, _span(cell, "rowspan", len(rows)) - 1)
            column += width
        _repeat(line, column, reaching)
        yield line


def _repeat(line: list[Cell], column: int, reaching: dict[int, tuple[str, int]]) -> int:
    """Repeat the cells that reach down into these columns; returns the next free column."""
    while (found := reaching.get(column, ("", 0)))[1] > 0:
        line.append(Cell(column, found[0], continued=True))
        reaching[column] = (found[0], found[1] - 1)
        column += 1
    return column


def _span(cell: LexborNode, name: str, most: int) -> int:
    value = (cell.attributes.get(name) or "1").strip()
    if not value.isdecimal() or len(value) > 6:
        return 1
    return max(1, min(int(value) or most, most))  # 0 reaches to the end
