"""CSV and TSV: one line of text and one block per row, with the same rules for headers as sheets.

Lines above the table that are not as wide as it (a title, comments, pairs of a name and a value)
stand above it; `sep=;` names the delimiter. Blank lines part tables.
"""

from __future__ import annotations

import csv
import io
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import BinaryIO, Literal

from ingest.readers.pages import PageWriter, read_source
from ingest.readers.sheet_tables import SheetLine, write_sheet
from ingest.readers.table_forms import keyed_line
from ingest.readers.table_rows import Cell, cells
from ingest.types import Extraction, ReadOptions
from kb.errors import UnreadableFile

PARSER = "kb delimited 2"

Quoting = Literal[0, 3]
"""csv.QUOTE_MINIMAL or csv.QUOTE_NONE"""

_DELIMITERS = ",;\t|^~"
_SEPARATOR_LINE = re.compile(r"\ufeff?\"?sep=(.)\"?[ \t]*\n", re.IGNORECASE)
_COMMENT = re.compile(r"\s*(?:#|//)+\s*")
_SAMPLE_CHARACTERS = 64 * 1024
_SAMPLE_ROWS = 50
_MAX_LINES_IN_CELL = 200
"""A cell of more lines is an unbalanced quote that swallowed the rows behind it."""

Values = Sequence[str]


def read_delimited(source: BinaryIO, options: ReadOptions) -> Extraction:
    """One page with a line per row; the delimiter and the header row are found out.

    Raises:
        UnreadableFile: no text, too long, or the encoding is unknown.
    """
    found = read_source(source, options)
    text = found.text
    # One cell may be longer than the library's 131,072 characters; max_characters bounds it.
    csv.field_size_limit(sys.maxsize)
    separator = _SEPARATOR_LINE.match(text)
    text = text[separator.end() :] if separator else text
    delimiter = separator[1] if separator else _delimiter(text[:_SAMPLE_CHARACTERS])
    quoting = _quoting(text, delimiter)
    writer = PageWriter(options)
    odd = _write_rows(writer, _rows(text, delimiter, quoting))
    if quoting == csv.QUOTE_NONE and '"' in text:
        writer.warnings.append("Quotes are not balanced; they were read as ordinary characters.")
    if odd:
        writer.warnings.append(f"{odd} rows have more or fewer cells than the header.")
    return writer.extraction(PARSER, "table", source=found)


def _rows(text: str, delimiter: str, quoting: Quoting) -> Iterator[list[str]]:
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting)
    except csv.Error as exc:
        raise _damaged(exc) from exc


def _damaged(exc: csv.Error) -> UnreadableFile:
    return UnreadableFile(f"The table is damaged: {exc}.", reason="damaged_file")


def _delimiter(sample: str) -> str:
    """The delimiter that gives the most rows of one same width above one."""

    def agreement(delimiter: str) -> tuple[int, int]:
        rows = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
        width, count = _width(row for row, _ in zip(rows, range(_SAMPLE_ROWS), strict=False))
        return (count, width) if width > 1 else (0, 0)

    return max(_DELIMITERS, key=agreement)


def _width(rows: Iterable[Values]) -> tuple[int, int]:
    """The most frequent width above one, and how many rows have it."""
    widths = Counter(len(row) for row in rows if row)
    return max(widths.items(), key=lambda item: (item[0] > 1, item[1]), default=(0, 0))


def _quoting(text: str, delimiter: str) -> Quoting:
    if '"' not in text:
        return csv.QUOTE_NONE
    before = 0
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row in rows:
            is_long = rows.line_num - before > _MAX_LINES_IN_CELL
            if is_long and any(cell.count("\n") > _MAX_LINES_IN_CELL for cell in row):
                return csv.QUOTE_NONE
            before = rows.line_num
    except csv.Error as exc:
        raise _damaged(exc) from exc
    return csv.QUOTE_MINIMAL


def _write_rows(writer: PageWriter, rows: Iterator[Values]) -> int:
    """Write every row; returns how many are wider or narrower than most."""
    ahead = list(islice(rows, _SAMPLE_ROWS))
    width, _ = _width(ahead)
    first = next((n for n, row in enumerate(ahead) if len(row) >= width), 0)
    for row in ahead[:first]:
        if any(cell.strip() for cell in row):
            writer.add(
                "paragraph", _COMMENT.sub("", keyed_line(cells(row)), count=1), separator="\n"
            )
    odd = 0

    def lines() -> Iterator[SheetLine]:
        nonlocal odd
        for number, row in enumerate(chain(ahead[first:], rows)):
            filled = [
                tuple.__new__(Cell, (n, text, 1, False))  # in half the time that its class takes
                for n, one in enumerate(row)
                if (text := " ".join(one.split()))
            ]
            if filled:
                is_comment = len(row) < width and row[0].startswith("#")
                odd += len(row) != width and not is_comment
                yield SheetLine(number, filled)

    write_sheet(writer, lines())
    return odd
