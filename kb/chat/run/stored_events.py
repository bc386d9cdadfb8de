"""Run events as JSON and back, for other processes. Text, which is nearly all, is a bare string."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, cast, get_args

from pydantic import TypeAdapter

from kb.chat.run.run import Terminal
from kb.chat.run.run_log import LOST, Unfinished
from kb.store.apps.runs import RunRow
from kb.types import Delta, Failed, RunEvent

_KINDS: dict[str, TypeAdapter[Any]] = {
    kind.__name__: TypeAdapter(kind) for kind in get_args(RunEvent)
}
_UNFINISHED = TypeAdapter(Unfinished)


def dumped(events: Iterable[RunEvent]) -> str:
    """Events as one text."""
    return json.dumps([e.text if type(e) is Delta else _named(e) for e in events])


def loaded(text: str) -> list[RunEvent]:
    """The events of a text. A field that this version does not know is passed over."""
    return [
        Delta(each) if isinstance(each, str) else _KINDS[each[0]].validate_python(each[1])
        for each in json.loads(text)
    ]


def loaded_end(row: RunRow | None) -> tuple[Terminal, int]:
    """The terminal event of a run and its number, also of one that is forgotten."""
    if row is None or row.terminal is None or row.last is None:
        return Failed(LOST, retryable=True), 1
    (terminal,) = loaded(row.terminal)
    return cast(Terminal, terminal), row.last


def dumped_unfinished(unfinished: Unfinished) -> str:
    """What is known of an answer before it begins."""
    return _UNFINISHED.dump_json(unfinished).decode()


def loaded_unfinished(text: str) -> Unfinished:
    """The same again."""
    return _UNFINISHED.validate_json(text)


def _named(event: RunEvent) -> tuple[str, Any]:
    name = type(event).__name__
    return name, _KINDS[name].dump_python(event, mode="json")
