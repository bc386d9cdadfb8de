"""Rows of tables: what a person would say of one who is asked for a cell.

A row is a line of cells, as our readers write it (`Model: RX-3 | Price (EUR): 900`) or in Markdown
under its head row. The first cell names it.
"""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass

from kb.text.terms import terms

_CELL_END = re.compile(r"\s+\|\s+")
_NAMED = re.compile(r"([^|:：]{1,80}):\s+(.*)", re.DOTALL)
_UNIT = re.compile(r"\s*\(([^()\d]{1,8})\)$")
_ENDS_QUESTION = re.compile(r"[?？][^\w?？]*$")
_MONEY = re.compile(r"\b(?:EUR|USD|GBP|CHF|CNY|JPY)\b|[€$£¥元円]")
_ASKS_MONEY = re.compile(
    r"how much|\bcosts?\b|\bpric|\bfee|多少钱|费用|价|いくら|kost|preis|"
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

    def answer(self, query: str, wanted: Set[str]) -> str:
        """The name of the row and the asked cells; of a question only its answer; "" where no cell
        is asked for, and the row as it is says it best.

        Args:
            wanted: the terms of the question.
        """
        (_, name), *others = self.cells
        if self.is_answered_question:
            return " ".join(value for _, value in others)
        naming = [value for _, value in others if value and wanted >= set(terms(value))]
        name = ", ".join(filter(None, (name, *naming)))
        left = set(wanted) - set(terms(name))
        cells = [(column, value) for column, value in others if value and value not in naming]
        asked = [cell for cell in cells if left.intersection(terms(cell[0]))]
        asked = asked or [cell for cell in cells if left.intersection(terms(cell[1]))]
        if not asked and _ASKS_MONEY.search(query):
            asked = [cell for cell in others if _MONEY.search(" ".join(cell))]
        if not name or ((not asked or len(asked) == len(others) > 1) and not self.is_markdown):
            return ""
        if not asked or not any(column for column, _ in others):
            return f"{name}: {'; '.join(value for _, value in asked or others if value)}"
        return f"{name}: {', '.join(_said(column, value, query) for column, value in asked)}"


def row_of(line: str, head: tuple[str, ...] = ()) -> Row | None:
    """The row that a line is, None if it is none.

    Args:
        head: the names of the columns, for a line in Markdown.
    """
    line = line.strip()
    if line.startswith("|") and line.endswith("|"):
        values = [value.strip() for value in line.strip("|").split("|")]
        if len(values) < 2:
            return None
        names = head if len(head) == len(values) else ("",) * len(values)
        return Row(tuple(zip(names, values, strict=True)), is_markdown=True)
    cells = [_NAMED.fullmatch(cell) for cell in _CELL_END.split(line)]
    if len(cells) < 2 or not all(cells):
        return None
    return Row(tuple((cell[1].strip(), cell[2].strip()) for cell in cells if cell))


def head_of(line: str) -> tuple[str, ...]:
    """The names of the columns in a head row in Markdown."""
    return tuple(name.strip(" *") for name in line.strip().strip("|").split("|"))


def _said(column: str, value: str, query: str) -> str:
    if unit := _UNIT.search(column):
        column = column[: unit.start()]
        value = value if unit[1] in value else f"{value} {unit[1]}"
    first = column.split(" ")[0]
    if first.lower() in query.split() or (first.istitle() and query.isascii()):
        column = column[:1].lower() + column[1:]
    if column[:1].isdigit():  # a year
        return f"{value} ({column})"
    return f"{value} {column}".strip() if value[:1].isdigit() else f"{column} {value}".strip()
