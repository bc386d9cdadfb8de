"""CSV and TSV: one line of text and one block per row, `header: value | header: value`.

Every row carries its header, so a row still says what its numbers are when it is found alone.
"""

from __future__ import annotations

import csv
import io
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Literal

from ingest.readers.pages import PageWriter, read_source
from ingest.readers.table_rows import one_line
from ingest.types import Extraction, ReadOptions
from kb.errors import UnreadableFile

PARSER = "kb delimited 1"

Quoting = Literal[0, 3]
"""csv.QUOTE_MINIMAL or csv.QUOTE_NONE"""

_DELIMITERS = ",;\t|"
_SAMPLE_CHARACTERS = 64 * 1024
_SAMPLE_ROWS = 50
_MAX_LINES_IN_CELL = 200
"""A cell of more lines is an unbalanced quote that swallowed the rows behind it."""
_NUMBER = re.compile(r"[-+]?[\d.,:%/ -]+$")


def read_delimited(source: BinaryIO, options: ReadOptions) -> Extraction:
    """One page with a line per row; the delimiter and the header row are found out.

    Raises:
        UnreadableFile: no text, too long, or the encoding is unknown.
    """
    found = read_source(source, options)
    text = found.text
    # One cell may be longer than the library's 131,072 characters; max_characters bounds it.
    csv.field_size_limit(sys.maxsize)
    delimiter = _delimiter(text[:_SAMPLE_CHARACTERS])
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
        raise UnreadableFile(f"The table is damaged: {exc}.", reason="damaged_file") from exc


def _delimiter(sample: str) -> str:
    """The delimiter that gives the most rows of one same width above one."""

    def agreement(delimiter: str) -> tuple[int, int]:
        rows = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
        widths = Counter(len(row) for row, _ in zip(rows, range(_SAMPLE_ROWS), strict=False) if row)
        width, count = max(widths.items(), key=lambda item: (item[0] > 1, item[1]), default=(0, 0))
        return (count, width) if width > 1 else (0, 0)

    return max(_DELIMITERS, key=agreement)


def _quoting(text: str, delimiter: str) -> Quoting:
    if '"' not in text:
        return csv.QUOTE_NONE
    for row in _rows(text, delimiter, csv.QUOTE_MINIMAL):
        if any(cell.count("\n") > _MAX_LINES_IN_CELL for cell in row):
            return csv.QUOTE_NONE
    return csv.QUOTE_MINIMAL


def _write_rows(writer: PageWriter, rows: Iterator[list[str]]) -> int:
    """Write every row; returns how many are wider or narrower than the first."""
    first = next((row for row in rows if any(cell.strip() for cell in row)), None)
    if first is None:
        return 0
    header = [one_line(cell) for cell in first]
    if not _is_header(header):
        writer.add("table", " | ".join(cell for cell in header if cell), separator="\n")
        header = []
    odd = alone = 0
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        odd += len(row) != len(first)
        alone += 1
        writer.add("table", _line(header, row), separator="\n")
    if header and not alone:
        writer.add("table", " | ".join(header), separator="\n")
    return odd


def _is_header(cells: Sequence[str]) -> bool:
    named = [cell for cell in cells if cell]
    return (
        len(named) == len(set(named))
        and len(named) * 2 > len(cells)
        and not any(_NUMBER.match(cell) for cell in named)
    )


def _line(header: Sequence[str], row: Sequence[str]) -> str:
    parts = []
    for column, cell in enumerate(row):
        value = one_line(cell)
        name = header[column] if column < len(header) else ""
        if value:
            parts.append(f"{name}: {value}" if name else value)
    return " | ".join(parts)
