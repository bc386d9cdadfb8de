"""Tables of any format as lines of text, one per row: `header: value | header: value`.

Every row carries its header, so a row still says what its numbers are when it is found alone, and
no later cut can part the two. Merged cells are repeated where a reader would see them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from types import MappingProxyType
from typing import NamedTuple

from ingest.readers.raised_text import resolved
from ingest.readers.table_forms import YEAR, form_line, is_form, is_keyed, keyed_line, value_kind

LONGEST_NAME = 200
"""A longer cell is not the name of a column."""

_LOOK_AHEAD = 20
_LONGEST_NUMBER = 40
_MAX_HEADER_ROWS = 3
_MAX_WIDTH = 1000
_LONGEST_REPEATED = 200
"""Characters of a cell that spans columns, under all their names."""
_NUMBER = re.compile(r"[-+(]?[$€£¥]?[\d.,:%/ -]*\d[\d.,:%/ -]*[)%]?$")
_PAIR = re.compile(r"[^:：]{1,60}(?:: |：)\s*\S")
"""A name with its value, as forms have several of in a row."""
_SHAPED = re.compile(r"\d|@|://")
_LETTERS = re.compile(r"[^\W\d_]+")
_DIGITS = re.compile(r"\d+")


class Cell(NamedTuple):
    """One cell. `column` counts from 0; `width` is the number of columns that it spans.

    `continued`: it repeats the cell above it, with which it is merged.
    """

    column: int
    text: str
    width: int = 1
    continued: bool = False


Row = Sequence[Cell]
Header = dict[int, str]
Columns = Mapping[int, Sequence[str]]


def one_line(text: str) -> str:
    """A cell's text without line breaks and runs of blanks."""
    return resolved(" ".join(text.split()))


def cells(values: Iterable[str]) -> list[Cell]:
    """A row of plain values, in which nothing is marked as raised or lowered."""
    return [Cell(column, " ".join(value.split())) for column, value in enumerate(values)]


def is_header(values: Sequence[str], below: Columns = MappingProxyType({})) -> bool:
    """Whether the first row of a table names its columns: words, most of them different, hardly a
    gap, and none that its column holds again.

    `below` holds the values under each of them.
    """
    named = [value for value in values if value]
    distinct = len(set(named)) * 2 > max(len(values), len(named))
    repeated = any(value and value in below.get(n, ()) for n, value in enumerate(values))
    return distinct and not repeated and _are_names(values, below)


def _are_names(values: Sequence[str], below: Columns) -> bool:
    """Whether values can name columns. Years, shares and dates can, except in the first column,
    above values of another shape: figures by year, by rate, by day. A code or an address above
    others of its shape is one of them."""
    named = {number: value for number, value in enumerate(values) if value}
    return (
        not any(
            len(value) > LONGEST_NAME or value.endswith((":", "：")) for value in named.values()
        )
        and not (len(named) > 1 and all(map(_PAIR.match, named.values())))
        and not any(
            _is_number(value) and (not number or value_kind(value) not in ("year", "share", "date"))
            for number, value in named.items()
        )
        and not YEAR.match(values[0])
        and not any(
            _SHAPED.search(value)
            and not YEAR.match(value)
            and _shape(value) in map(_shape, below.get(number, ()))
            for number, value in named.items()
        )
    )


def _shape(text: str) -> str:
    return _LETTERS.sub("a", _DIGITS.sub("9", text[:_LONGEST_NUMBER]))


def has_numbers(row: Row) -> bool:
    """Whether any cell of a row is a number, date or share."""
    return any(_is_number(cell.text) for cell in row)


def _is_number(text: str) -> bool:
    # The pattern takes quadratic time over long runs of digits.
    return len(text) <= _LONGEST_NUMBER and bool(_NUMBER.match(text)) and not YEAR.match(text)


def named_values(header: Header, row: Row) -> str:
    """The line of a row: each value behind the name of its column, if that has one. A row that only
    repeats the names stands without them."""
    parts: list[str] = []
    is_head = bool(row) and header.get(row[0].column) == row[0].text
    for cell in row:
        column, text, width, _ = cell
        if width > 1 and _named_cells(row) and (names := _names_of(cell, header)):
            parts += [f"{name}: {text}" for name in names if text]
        elif text:
            name = header.get(column, "") if width == 1 else ""
            parts.append(f"{name}: {text}" if name and not (is_head and name == text) else text)
    return " | ".join(parts)


def _names_of(cell: Cell, header: Header) -> list[str]:
    """The name of each column that a cell spans; those of a long cell as one."""
    columns = range(cell.column, cell.column + min(cell.width, _MAX_WIDTH))
    names = list(dict.fromkeys(name for n in columns if (name := header.get(n, ""))))
    if len(names) > 1 and len(cell.text) * len(names) > _LONGEST_REPEATED:
        return [f"{names[0]} – {names[-1]}"]
    return names


def _named_cells(row: Row) -> list[Cell]:
    """The cells that belong to one column each; one alone that spans several is a heading."""
    filled = [cell for cell in row if cell.text]
    return [] if len(filled) == 1 and filled[0].width > 1 else filled


class TableLines:
    """Turns the rows of one table into lines; afterwards `header` holds the names it found."""

    def __init__(self, inherited: Header | None = None) -> None:
        """`inherited`: names from a table above, for one that has none of its own."""
        self.header: Header = dict(inherited or {})

    def lines(
        self, rows: Iterable[Row], header_rows: int | None = None, *, keyed: bool = False
    ) -> Iterator[str]:
        """A line per row that holds anything; title rows stand alone, above.

        Args:
            rows: from top to bottom; merged cells as `Cell` says.
            header_rows: how many rows at the top are known to be the header; None finds out.
            keyed: each row is known to begin with its own name.
        """
        remaining = filter(_has_own_text, rows)
        ahead = list(islice(remaining, _LOOK_AHEAD))
        while header_rows is None and _is_title(ahead):
            yield named_values({}, ahead.pop(0))
        if keyed or (header_rows is None and is_keyed(ahead)):
            yield from map(keyed_line, chain(ahead, remaining))
            return
        if header_rows is None and is_form(ahead):
            yield from map(form_line, chain(ahead, remaining))
            return
        found = _header_rows(ahead) if header_rows is None else min(header_rows, len(ahead))
        unused = _names(ahead[:found])
        self.header = unused.copy() or self.header
        for row in chain(ahead[found:], remaining):
            yield named_values(self.header, row)
            for cell in _named_cells(row) if unused else ():
                for column in range(cell.column, cell.column + min(cell.width, _MAX_WIDTH)):
                    unused.pop(column, None)
        if unused:  # names of columns without a value would be lost
            yield " | ".join(dict.fromkeys(unused.values()))


def _has_own_text(row: Row) -> bool:
    if row and row[0].text and not row[0].continued:  # saves the generator for most rows
        return True
    return any(text and not continued for _, text, _, continued in row)


def _is_title(ahead: Sequence[Row]) -> bool:
    """Whether the first row is one cell above a table of several columns."""
    if len(ahead) < 2 or _filled(ahead[0]) != 1:
        return False
    return any(_filled(row) > 1 for row in ahead[1:])


def _filled(row: Row) -> int:
    return sum(bool(cell.text) for cell in row)


def _header_rows(ahead: Sequence[Row]) -> int:
    """How many rows at the top name the columns: more than one where cells are merged up there,
    or where the first row has names for some columns only and figures begin below the second."""
    count = 1
    while count < min(_MAX_HEADER_ROWS, len(ahead) - 1) and (
        any(cell.width > 1 for cell in ahead[count - 1] if cell.text)
        or any(cell.continued for cell in ahead[count])
    ):
        count += 1
    if _name_columns(ahead, count):
        return count
    two_rows = len(ahead) > 2 and not has_numbers(ahead[1]) and has_numbers(ahead[2])
    return 2 if two_rows and _name_columns(ahead, 2) else 0


def _name_columns(ahead: Sequence[Row], count: int) -> bool:
    """Whether the first rows are a header: words above figures, or else all different words."""
    columns = [cell.column for row in ahead for cell in row if cell.text]
    if not columns:
        return False
    names = _names(ahead[:count])
    last = min(max(columns), min(columns) + _MAX_WIDTH)
    values = [names.get(column, "") for column in range(min(columns), last + 1)]
    below = _columns_below(ahead[count:], values, min(columns))
    if max(map(_filled, ahead[:count])) < 2 or not _are_names(values, below):
        return False
    above_figures = len(ahead) > count and has_numbers(ahead[count])
    return above_figures or is_header(values, below)


def _columns_below(rows: Sequence[Row], names: Sequence[str], first: int) -> Columns:
    """The values under each name, without rows that only repeat the names."""
    columns: dict[int, list[str]] = {}
    for row in rows:
        if [cell.text for cell in row if cell.text] != [name for name in names if name]:
            for cell in (one for one in row if not one.continued):
                columns.setdefault(cell.column - first, []).append(cell.text)
    return columns


def _names(rows: Sequence[Row]) -> Header:
    """The name of each column: what stands above it, from top to bottom."""
    names: dict[int, list[str]] = {}
    for row in rows:
        for cell in row:
            for column in range(cell.column, cell.column + min(cell.width, _MAX_WIDTH)):
                above = names.setdefault(column, [])
                if cell.text and cell.text not in above:
                    above.append(cell.text)
    return {column: " / ".join(parts) for column, parts in names.items() if parts}
