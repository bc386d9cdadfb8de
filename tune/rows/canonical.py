"""The one form that rows are kept in: JSON Lines, a row a line, what is as usual left out.

The trainer reads it in an environment of its own, so this imports the standard library alone. A
file of OpenAI's chat form is valid here as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

from tune.types import Origin, Split, TrainingRow, TrainingTurn, TurnRole

ROLES: tuple[str, ...] = get_args(TurnRole)
MOST_LEVELS = 50
"""Of what tools are defined by: an answer of our API is written to 255."""
_MAY_BE: dict[str, tuple[Any, ...]] = {
    "origin": get_args(Origin),
    "split": (None, *get_args(Split)),
}
_DEFAULTS = {
    field.name: field.default for field in fields(TrainingRow) if field.name != "messages"
} | {"tools": []}


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
    turns = [
        {"role": turn.role, "content": turn.content}
        | ({} if turn.weight is None else {"weight": turn.weight})
        for turn in row.messages
    ]
    given = {name: getattr(row, name) for name in _DEFAULTS} | {"tools": list(row.tools)}
    kept = {name: value for name, value in given.items() if value != _DEFAULTS[name]}
    return {"messages": turns, **kept}


def of_json(raw: Any) -> TrainingRow:
    """The row of an object of JSON; other fields are passed over. Raises ValueError."""
    if not isinstance(raw, Mapping) or not isinstance(raw.get("messages"), list):
        raise ValueError('a row is an object with a list "messages".')
    said = {name: raw[name] for name in _DEFAULTS if raw.get(name) is not None}
    for name, value in said.items():
        if name == "tools":
            said[name] = tuple(_listed(value))
        elif not isinstance(value, str) or value not in _MAY_BE.get(name, (value,)):
            raise ValueError(f'"{name}" cannot be {value!r}.')
    if not raw["messages"]:
        raise ValueError('"messages" is empty.')
    return TrainingRow(messages=tuple(map(_turn, raw["messages"])), **said)


def _turn(raw: Any) -> TrainingTurn:
    if not isinstance(raw, Mapping) or raw.get("role") not in ROLES:
        raise ValueError(f"a message needs a role, one of {', '.join(ROLES)}.")
    content, weight = raw.get("content"), raw.get("weight")
    if not isinstance(content, str):
        raise ValueError(f"the content of a message is a text, not {type(content).__name__}.")
    if weight not in (None, 0, 1):
        raise ValueError(f"the weight of a message is 0 or 1, not {weight!r}.")
    return TrainingTurn(raw["role"], content, None if weight is None else int(weight))


def _listed(value: Any) -> list[Mapping[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        raise ValueError('"tools" is a list of definitions.')
    if not _is_shallow(value, MOST_LEVELS):
        raise ValueError(f'"tools" is nested deeper than {MOST_LEVELS} levels.')
    return value


def _is_shallow(value: Any, levels: int) -> bool:
    parts = value.values() if isinstance(value, Mapping) else value
    is_whole = not isinstance(value, Mapping | list)
    return is_whole or (levels > 0 and all(_is_shallow(part, levels - 1) for part in parts))
