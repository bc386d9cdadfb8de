"""Rows of tables: what a person would say of one who is asked for a cell.

A row is a line of cells, as our readers write it (`Model: RX-3 | Price (EUR): 900`, or `RX-3 |
Price: 900` where the corner of the table is empty) or in Markdown under its head row. The first
cell names it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Set
from dataclasses import dataclass

from kb.text.stemming import FUNCTION_TERMS, relatives
from kb.text.terms import terms
from kb.text.units import units_of

_BAR = re.compile(r"(?<!\\)\|")
_CODE = re.compile(r"(`+)[^`]+\1")
_CELL_END = re.compile(r"\s+\|\s+")
_NAMED = re.compile(r"([^|:：]{1,80}):\s+(.*)", re.DOTALL)
_UNIT = re.compile(r"\s*\(([^()\d]{1,8})\)$|\s([A-Z]{3}|[€$£¥])$")
_COUNTED = re.compile(r"(?<![\w.,-])(\d+)[ -]?([^\W\d_]{2,40})")
_ENDS_QUESTION = re.compile(r"[?？][^\w?？]*$")
_MONEY = re.compile(r"\b(?:EUR|USD|GBP|CHF|CNY|JPY)\b|[€$£¥元円]")
_ASKS_MONEY = re.compile(
    r"how much(?= (?:is|are|was|were|do|does|did|for|can|will|would)\b|\W*$)|expensive|"
    r"\bcosts?\b|\bpric|\bfee|多少钱|费用|价|いくら|kost|preis|"
    r"combien|prix|cuesta|precio|quanto",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of a row with the names of their columns, "" where it has none."""

    cells: tuple[tuple[str, str], ...]
    is_markdown: bool = False

    @property
    def is_answered_question(self) -> bool:
        """Whether its first cell asks what the others answer."""
        return len(self.cells) > 1 and _ENDS_QUESTION.search(self.cells[0][1]) is not None

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns."""
        return tuple(column for column, _ in self.cells)

    def contradicts(self, query: str) -> bool:
        """Whether a question names a number of something that has a column, in which the row has
        another: "for 6 persons" is not a stock of 6."""
        for number, word in _COUNTED.findall(query):
            counted = [cell for cell in self.cells[1:] if _meets(cell[0], frozenset(terms(word)))]
            if counted and not any(set(terms(number)) & set(terms(value)) for _, value in counted):
                return True
        return False

    def answer(self, query: str, wanted: Set[str], apart: Collection[str] = ()) -> str:
        """The name of the row and the asked cells; of a question only its answer; "" where no cell
        is asked for, and the row as it is says it best.

        Args:
            wanted: the terms of the question.
            apart: columns that tell the row from others that are told with it.
        """
        (_, name), *others = self.cells
        if self.is_answered_question:
            return " ".join(value for _, value in others)
        left = wanted - set(terms(name))
        cells = [cell for cell in others if cell[1]]
        naming = [cell for cell in cells if _is_named(cell[1], wanted)]
        unnamed = [cell for cell in cells if cell not in naming]
        money = [cell for cell in cells if _MONEY.search(" ".join(cell))]
        possible = (money if _ASKS_MONEY.search(query) else []) or unnamed
        asked = (
            [cell for cell in possible if _meets(cell[0], left)]
            or (possible if possible is money else [])
            or [cell for cell in unnamed if _meets(cell[1], left)]
            or (naming if apart else [])
        )
        naming = [cell for cell in naming if cell not in asked]
        telling = [c for c in cells if c in naming or (c[0] in apart and c not in asked)]
        name = ", ".join(filter(None, (name, *(value for _, value in telling))))
        if not name or ((not asked or len(asked) == len(others) > 1) and not self.is_markdown):
            return ""
        if not asked or not any(column for column, _ in others):
            return f"{name}: {'; '.join(value for _, value in asked or cells)}"
        return f"{name}: {', '.join(_said(column, value, query) for column, value in asked)}"


def row_of(line: str, head: tuple[str, ...] = ()) -> Row | None:
    """The row that a line is, None if it is none.

    Args:
        head: the names of the columns, for a line in Markdown.
    """
    line = line.strip()
    if line.startswith("|") and line.endswith("|"):
        values = _markdown_cells(line, len(head))
        if len(values) < 2:
            return None
        names = head if len(head) == len(values) else ("",) * len(values)
        return Row(tuple(zip(names, values, strict=True)), is_markdown=True)
    first, *others = _CELL_END.split(line)
    cells = [_NAMED.fullmatch(cell) for cell in others]
    if not cells or not all(cells):
        return None
    name = _NAMED.fullmatch(first)
    found = [(cell[1].strip(), cell[2].strip()) for cell in (name, *cells) if cell]
    return Row(tuple(found if name else [("", first), *found]))


def head_of(line: str) -> tuple[str, ...]:
    """The names of the columns in a head row in Markdown."""
    return tuple(name.strip(" *") for name in _markdown_cells(line.strip()))


def _markdown_cells(line: str, count: int = 0) -> list[str]:
    """The cells of a row. A bar behind a backslash belongs to its cell, and so does one in code
    where that gives as many cells as there are columns."""
    inner = line.removeprefix("|")
    inner = inner if inner.endswith("\\|") else inner.removesuffix("|")
    cells = _BAR.split(inner)
    if count and len(cells) != count:
        apart = _BAR.split(_CODE.sub(lambda code: code[0].replace("|", "\\|"), inner))
        cells = apart if len(apart) == count else cells
    return [cell.replace("\\|", "|").strip() for cell in cells]


def _meets(text: str, wanted: Set[str]) -> bool:
    held = terms(text)
    return not wanted.isdisjoint(held) or bool(relatives(wanted, held))


def _is_named(value: str, wanted: Set[str]) -> bool:
    """Whether a question holds each word of a cell."""
    words = [unit.names + unit.pieces for unit in units_of(value)]
    telling = [held for held in words if FUNCTION_TERMS.isdisjoint(held)] or words
    return bool(telling) and not any(wanted.isdisjoint(held) for held in telling)


def _said(column: str, value: str, query: str) -> str:
    if unit := _UNIT.search(column):
        column = column[: unit.start()]
        sign = unit[1] or unit[2]
        value = value if sign in value else f"{value} {sign}"
    first = column.split(" ")[0]
    said = query.rstrip("?").split()
    if first.lower() in said or (first.istitle() and query.isascii() and first not in said):
        column = column[:1].lower() + column[1:]
    if column[:1].isdigit():  # a year
        return f"{value} ({column})"
    return f"{value} {column}".strip() if value[:1].isdigit() else f"{column} {value}".strip()
