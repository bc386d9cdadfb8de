"""JSON and JSON Lines: flat objects of one shape as rows, others as a line per value, named by its
dotted path.

The layout of a row is that of CSV (`key: value | key: value`), because a row that is found alone
has to say what its numbers are. Numbers are shown as they are written, keys that repeat are all
kept; only `null` and empty values are left out. Long lists are decoded one element at a time, so
the tree of the whole file is never in memory.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from ingest.readers.pages import PageWriter, SourceText, enumerated, read_source
from ingest.types import Extraction, ReadOptions
from kb.errors import UnreadableFile

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

    def add_broken(self, line: str) -> None:
        """Write a line that is not JSON as it stands."""
        self._write("paragraph", line, row=False)

    def add_whole(self, value: Any, path: str = "", level: int = 1) -> None:
        """Write the only value of a file; members that are long get a heading of their own."""
        is_object = isinstance(value, Pairs) and level <= _DEEPEST_HEADING
        if is_object and any(_is_section(member) for _, member in value):
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
                self.add_whole(member, title, level + 1)

    def _write(self, kind: Any, text: str, *, row: bool) -> None:
        self._writer.add(kind, text, separator="\n" if row and self._was_row else "\n\n")
        self._was_row = row


def _is_plain_list(value: Any) -> bool:
    return all(not isinstance(element, list) for element in value)


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


PARSER = "kb json 1"

_BLANK = re.compile(r"[ \t\n\r]*")
_STRING = r'(?P<string>"(?:[^"\\]|\\.)*+"?)'
_STRING_OR_COMMENT = re.compile(rf"{_STRING}|//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_STRING_OR_COMMA = re.compile(rf"{_STRING}|,(?=[ \t\n\r]*+[\]}}])", re.DOTALL)
_NOT_LINE_END = re.compile(r"[^\n]")


def _decoder() -> json.JSONDecoder:
    # Numbers stay as written: 1.10 is not 1.1, and integers of any length are welcome.
    return json.JSONDecoder(
        object_pairs_hook=Pairs, parse_float=str, parse_int=str, parse_constant=str
    )


def read_json(source: BinaryIO, options: ReadOptions) -> Extraction:
    """One value, or several after another, as page 1.

    Raises:
        UnreadableFile: not JSON (reason `damaged_file`, with line and column), no text, too long.
    """
    found = read_source(source, options)
    writer = PageWriter(options)
    try:
        _write_values(RecordWriter(writer), found.text)
    except json.JSONDecodeError as exc:
        plain, comments = _without_comments(found.text)
        if plain == found.text:
            raise _invalid(exc) from exc
        writer = PageWriter(options)
        writer.losses["Characters of comments left out"] = comments
        try:
            _write_values(RecordWriter(writer), plain)
        except json.JSONDecodeError as still:
            raise _invalid(still) from still
    return writer.extraction(PARSER, "JSON", source=found)


def _without_comments(text: str) -> tuple[str, int]:
    """A text without the comments and the commas before a bracket that settings files have, at
    the same lines and columns; and how many characters of comments there were."""
    comments = 0

    def blanked(match: re.Match[str]) -> str:
        nonlocal comments
        if match["string"]:
            return match[0]
        comments += len(match[0])
        return _NOT_LINE_END.sub(" ", match[0])

    plain = _STRING_OR_COMMENT.sub(blanked, text)
    return _STRING_OR_COMMA.sub(lambda match: match["string"] or " ", plain), comments


def read_json_lines(source: BinaryIO, options: ReadOptions) -> Extraction:
    """One record per line as page 1. Broken lines are kept as they stand and reported.

    Raises:
        UnreadableFile: most lines are not JSON, no text, too long.
    """
    found = read_source(source, options)
    text = found.text
    writer = PageWriter(options)
    records = RecordWriter(writer)
    broken: list[int] = []
    first_error: json.JSONDecodeError | None = None
    decoder, good = _decoder(), 0
    position = 0
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                records.add(decoder.decode(line))
                good += 1
            except json.JSONDecodeError as exc:
                first_error = first_error or json.JSONDecodeError(exc.msg, text, position + exc.pos)
                broken.append(number)
                records.add_broken(line)
        position += len(line) + 1
    if first_error is not None and len(broken) > good:
        return _as_values(found, first_error, options)
    if broken:
        named = enumerated([str(number) for number in broken])
        writer.warnings.append(f"Lines {named} are not valid JSON and were kept as they stand.")
    return writer.extraction(PARSER, "JSON", source=found)


def _as_values(found: SourceText, error: json.JSONDecodeError, options: ReadOptions) -> Extraction:
    """A file that is named for lines, but whose values go over several."""
    writer = PageWriter(options)
    try:
        _write_values(RecordWriter(writer), found.text)
    except (json.JSONDecodeError, RecursionError) as exc:
        raise _invalid(error) from exc
    return writer.extraction(PARSER, "JSON", source=found)


def _write_values(records: RecordWriter, text: str) -> None:
    """All values of a text; the elements of an outermost list one by one."""
    decoder = _decoder()
    position = first = _after_blanks(text, 0)
    while position < len(text):
        if text[position] == "[":
            position = _after_blanks(text, _write_elements(records, text, position, decoder))
            continue
        value, end = decoder.raw_decode(text, position)
        is_only = position == first and _after_blanks(text, end) == len(text)
        (records.add_whole if is_only else records.add)(value)
        position = _after_blanks(text, end)


def _write_elements(records: RecordWriter, text: str, start: int, decoder: json.JSONDecoder) -> int:
    """Write the elements of a list; returns the position behind it."""
    position = _after_blanks(text, start + 1)
    if text[position : position + 1] == "]":
        return position + 1
    while True:
        value, position = decoder.raw_decode(text, position)
        records.add(value)
        position = _after_blanks(text, position)
        if text[position : position + 1] == "]":
            return position + 1
        if text[position : position + 1] != ",":
            raise json.JSONDecodeError("Expecting ',' delimiter", text, position)
        position = _after_blanks(text, position + 1)


def _after_blanks(text: str, position: int) -> int:
    match = _BLANK.match(text, position)
    return match.end() if match else position


def _invalid(exc: json.JSONDecodeError) -> UnreadableFile:
    return UnreadableFile(
        f"The JSON is not valid at line {exc.lineno}, column {exc.colno}: {exc.msg}. Mend it, or "
        "upload it with the extension .txt to have it read as plain text.",
        reason="damaged_file",
    )
