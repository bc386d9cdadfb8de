"""Tables that are forms, rows of names with their values; and what a value looks like."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.readers.table_rows import Row

YEAR = re.compile(r"(?:FY ?)?(?:1[89]|20)\d\d(?:[/–-]\d\d)?$")
_LONGEST_KEY = 60
_FEWEST_PAIRS = 3
_KINDS = {
    "year": YEAR,
    "share": re.compile(r"[-+]?\d[\d.,]{0,20}\s?%$"),
    "date": re.compile(
        r"\d{4}-\d\d(?:-\d\d)?(?: [\d:]+)?$|\d{1,2}([./])\d{1,2}\1\d{2,4}$|\d{1,2}/\d{4}$"
        r"|\d{4}年\d{1,2}月(?:\d{1,2}日)?$"
    ),
    "number": re.compile(r"[-+(]?[$€£¥]?\d[\d.,  ']{0,38}\)?$"),
    "amount": re.compile(r"[-+]?(?:[A-Z]{3} |[$€£¥])?\d[\d.,  ]{0,20}\s?[^\d\s][^\d]{0,11}$"),
    "code": re.compile(r"(?=.{0,60}\d)\S{1,60}$"),
}
"""What a value looks like, the first that fits."""


def keyed_line(row: Row) -> str:
    """`name: value | value` for a row that begins with its own name."""
    first, *rest = [cell.text for cell in row if cell.text]
    key = first.rstrip(":：").rstrip()
    return f"{key}: {' | '.join(rest)}" if rest else first


def form_line(row: Row) -> str:
    """`name: value | name: value` for a row of such pairs of cells."""
    pairs = (row[start : start + 2] for start in range(0, len(row), 2))
    return " | ".join(keyed_line(pair) for pair in pairs if any(cell.text for cell in pair))


def is_form(ahead: Sequence[Row]) -> bool:
    """Whether rows are two pairs of a name and its value beside each other."""
    if not ahead or max(map(len, ahead)) != 4 or any(len(row) % 2 for row in ahead):
        return False
    sides = ([row[:2] for row in ahead], [row[2:] for row in ahead])
    filled = ([pair for pair in side if any(cell.text for cell in pair)] for side in sides)
    return all(map(is_keyed, filled))


def is_keyed(ahead: Sequence[Row]) -> bool:
    """Whether rows are pairs of a name and its value, as in a form, not lines under a header.

    So it is where all names end with a colon; or where the values are of several kinds (a name, a
    date, a number of a contract) and no kind of figures is that of most values below the first.
    """
    pairs = [[cell.text for cell in row if cell.text] for row in ahead]
    if not pairs or any(len(pair) > 2 for pair in pairs) or max(map(len, pairs)) < 2:
        return False
    keys = [pair[0] for pair in pairs]
    if len(pairs) > 1 and all(key.endswith((":", "：")) for key in keys):
        return True
    kinds = [value_kind(pair[1]) for pair in pairs if len(pair) == 2]
    worded = all(value_kind(key) == "words" and len(key) <= _LONGEST_KEY for key in keys)
    if len(kinds) < _FEWEST_PAIRS or not worded or len(set(keys)) < len(keys):
        return False
    if kinds[0] != "words":
        return True
    figures = [kind for kind in kinds[1:] if kind != "words"]
    most = max(map(figures.count, figures), default=0)
    return most > 0 and most * 2 < len(kinds)


def value_kind(text: str) -> str:
    """What a value looks like: words, a year, a share, a date, a number, an amount or a code."""
    return next((kind for kind, look in _KINDS.items() if look.match(text)), "words")
