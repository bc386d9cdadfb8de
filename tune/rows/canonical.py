"""The one form that rows are kept in: JSON Lines, a row a line, what is as usual left out.

A file of OpenAI's chat form is valid here as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tune.types import TrainingRow

MOST_LEVELS = 50
"""Of what tools are defined by: an answer of our API is written to 255."""
_FORM = TypeAdapter(TrainingRow)


def read_rows(path: Path) -> list[TrainingRow]:
    """The rows of a file. Raises ValueError, with the line, where one is none."""
    return list(rows_of(path.read_bytes()))


def write_rows(rows: Iterable[TrainingRow], path: Path) -> None:
    """Write rows, one a line."""
    path.write_bytes(bytes_of(rows))


def bytes_of(rows: Iterable[TrainingRow]) -> bytes:
    """Rows as they are written: the same rows give the same bytes."""
    return "".join(f"{json.dumps(to_json(row), ensure_ascii=False)}\n" for row in rows).encode()


def rows_of(data: bytes) -> Iterator[TrainingRow]:
    """The rows of the bytes of a file. Raises ValueError, with the line, where one is none."""
    for number, line in enumerate(data.decode("utf-8-sig").split("\n"), start=1):
        if line.strip():
            try:
                yield of_json(json.loads(line))
            except ValueError as exc:
                raise ValueError(f"Line {number}: {exc}") from exc


def to_json(row: TrainingRow) -> dict[str, Any]:
    """A row as an object of JSON."""
    return dict(_FORM.dump_python(row, exclude_defaults=True))


def of_json(raw: Any) -> TrainingRow:
    """The row of an object of JSON; other fields are passed over. Raises ValueError."""
    if not isinstance(raw, Mapping):
        raise ValueError('a row is an object with a list "messages".')
    try:
        row = _FORM.validate_python({k: value for k, value in raw.items() if value is not None})
    except ValidationError as exc:
        wrong = exc.errors(include_url=False)[0]
        raise ValueError(f"{'.'.join(map(str, wrong['loc']))}: {wrong['msg']}") from None
    if not _is_shallow(row.tools, MOST_LEVELS):
        raise ValueError(f'"tools" is nested deeper than {MOST_LEVELS} levels.')
    return row


def _is_shallow(value: Any, levels: int) -> bool:
    parts = value.values() if isinstance(value, Mapping) else value
    is_whole = not isinstance(value, Mapping | list | tuple)
    return is_whole or (levels > 0 and all(_is_shallow(part, levels - 1) for part in parts))
