"""The grid of a Word table: spans, merged cells, and whether it is a table at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ingest.readers.office.docx_styles import Style, W, is_on, value_of
from ingest.readers.office.xml_parts import Element
from ingest.readers.plain.table_rows import Cell

_LONGEST_CELL = 1000
"""A table with a longer cell lays out a page; its cells are read as text, not as data."""
_WIDEST = 1000


def is_layout(rows: Sequence[Element], styles: Mapping[str, Style]) -> bool:
    """Whether a table only arranges text: one column, headings in cells, or very long cells."""
    widest = max((len(row.findall(f".//{W}tc")) for row in rows), default=0)
    if widest <= 1:
        return True
    for row in rows:
        for cell in row.iter(f"{W}tc"):
            length = 0
            for element in cell.iter(f"{W}pStyle", f"{W}t"):
                style = styles.get(element.get(f"{W}val", ""))
                length += len(element.text or "")
                if length > _LONGEST_CELL or (style is not None and style.level):
                    return True
    return False


def header_rows(rows: Sequence[Element]) -> int | None:
    """How many rows are marked to repeat on every page; None if none is, or all are."""
    count = 0
    while count < len(rows) and is_on(rows[count].find(f"{W}trPr/{W}tblHeader")):
        count += 1
    return count if 0 < count < len(rows) else None


def grid(
    rows: Sequence[tuple[Element, Sequence[Element]]], texts: Mapping[Element, str]
) -> list[list[Cell]]:
    """The cells of each row in their columns; a merged cell repeats the text above it."""
    lines = []
    above: dict[int, str] = {}
    for row, elements in rows:
        column = _number(value_of(row, "trPr/gridBefore"), 0)
        line = []
        here: dict[int, str] = {}
        for element in elements:
            width = _number(value_of(element, "tcPr/gridSpan"), 1)
            merge = element.find(f"{W}tcPr/{W}vMerge")
            continued = merge is not None and merge.get(f"{W}val") != "restart"
            text = above.get(column, "") if continued else texts[element]
            line.append(Cell(column, text, width, continued))
            here[column] = text
            column += width
        above = here
        lines.append(line)
    return lines


def _number(value: str | None, default: int) -> int:
    return min(int(value), _WIDEST) if value is not None and value.isdecimal() else default
