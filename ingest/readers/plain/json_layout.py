"""How JSON values become text: flat objects of one shape as rows, others as `path: value` lines.

The layout of a row is that of CSV (`key: value | key: value`), because a row that is found alone
has to say what its numbers are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ingest.readers.pages import PageWriter

_LONGEST_CELL = 200
"""Objects with longer values are records, not rows of a table."""
_LONGEST_ROW = 1000
_DEEPEST_HEADING = 3
_SECTION_VALUES = 12
"""A member with more values than this gets a heading and records of its own."""

Line = tuple[str, str]
"""Dotted path and value."""


class Pairs(list[tuple[str, Any]]):
    """An object as its pairs, in order and with keys that repeat."""


class RecordWriter:
    """Writes one value after another as blocks of a page."""

    def __init__(self, writer: PageWriter) -> None:
        self._writer = writer
        self._was_row = False

    def add(self, record: Any) -> None:
        """Write one of several records: a row if it is flat and short, else a block of lines."""
        row = _row(record) if isinstance(record, Pairs) else None
        if row is not None:
            self._write("table", row, row=True)
            return
        lines = (f"{name}: {text}" if name else text for name, text in _lines(record, ""))
        self._write("list", "\n".join(lines), row=False)

    def add_whole(self, value: Any) -> None:
        """Write the only value of a file; members that are long get a heading of their own."""
        self._value(value, "", 1)

    def add_broken(self, line: str) -> None:
        """Write a line that is no JSON as it stands."""
        self._write("paragraph", line, row=False)

    def _value(self, value: Any, path: str, level: int) -> None:
        if isinstance(value, Pairs) and level <= _DEEPEST_HEADING and _has_sections(value):
            self._sections(value, path, level)
        elif isinstance(value, list) and not isinstance(value, Pairs) and not _is_plain_list(value):
            for record in value:
                self.add(record)
        else:
            self.add(value)

    def _sections(self, value: Sequence[tuple[str, Any]], path: str, level: int) -> None:
        small = [(key, member) for key, member in value if not _is_section(member)]
        if small:
            self.add(Pairs(small))
        for key, member in value:
            if _is_section(member):
                title = f"{path}.{key}" if path else key
                self._writer.add("heading", title, level=level)
                self._was_row = False
                self._value(member, title, level + 1)

    def _write(self, kind: Any, text: str, *, row: bool) -> None:
        self._writer.add(kind, text, separator="\n" if row and self._was_row else "\n\n")
        self._was_row = row


def _is_plain_list(value: Any) -> bool:
    return all(not isinstance(element, list) for element in value)


def _has_sections(value: Sequence[tuple[str, Any]]) -> bool:
    return any(_is_section(member) for _, member in value)


def _is_section(member: Any) -> bool:
    """Whether a member is a list of records, or an object of many values."""
    if isinstance(member, Pairs):
        return _is_long(member)
    return isinstance(member, list) and not _is_plain_list(member) and _is_long(member)


def _is_long(value: Any) -> bool:
    return sum(1 for _ in zip(_lines(value, ""), range(_SECTION_VALUES + 1), strict=False)) > (
        _SECTION_VALUES
    )


def _row(value: Sequence[tuple[str, Any]]) -> str | None:
    """A flat object of short values as one line, else None."""
    cells = []
    for key, member in value:
        text = _scalar(member)
        if isinstance(member, list) or len(text) > _LONGEST_CELL or "\n" in text:
            return None
        if text:
            cells.append(f"{key}: {text}")
    row = " | ".join(cells)
    return row if len(row) <= _LONGEST_ROW else None


def _lines(value: Any, path: str) -> Iterator[Line]:
    """All values under a value with their paths, in order; the stack replaces recursion."""
    stack: list[tuple[str, Any]] = [(path, value)]
    while stack:
        name, current = stack.pop()
        if isinstance(current, Pairs):
            stack.extend(
                (f"{name}.{key}" if name else key, member) for key, member in reversed(current)
            )
        elif isinstance(current, list) and not _is_plain_list(current):
            stack.extend(
                (f"{name}[{index}]", current[index]) for index in range(len(current) - 1, -1, -1)
            )
        else:
            text = _joined(current) if isinstance(current, list) else _scalar(current)
            if text.strip():
                yield name, text


def _joined(values: Sequence[Any]) -> str:
    """A list of plain values as one text; pieces that carry line ends (notebooks) are glued."""
    texts = [text for text in map(_scalar, values) if text]
    if any(text.endswith("\n") for text in texts[:-1]):
        return "".join(texts)
    return ", ".join(texts)


def _scalar(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
