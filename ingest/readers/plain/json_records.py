"""JSON and JSON Lines: one block per record, a line per value, named by its dotted path.

Numbers are shown as they are written, keys that repeat are all kept; only `null` and empty values
are left out. Long lists are decoded one element at a time, so the tree of the whole file is never
in memory.
"""

from __future__ import annotations

import json
import re
from typing import BinaryIO

from ingest.readers.pages import PageWriter, SourceText, enumerated, read_source
from ingest.readers.plain.json_layout import Pairs, RecordWriter
from ingest.types import Extraction, ReadOptions
from kb.errors import UnreadableFile

PARSER = "kb json 1"

_BLANK = re.compile(r"[ \t\n\r]*")
_LINES_NAMED = 10


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
        raise _invalid(exc) from exc
    return writer.extraction(PARSER, "JSON", source=found)


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
