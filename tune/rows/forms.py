"""From a file of any form to rows, and from rows to the files of any target.

What a form cannot carry is told, with the rows: a row is written, read again, and compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from kb.errors import Rejected
from tune.rows import canonical
from tune.rows.containers import Record, read_records, write_records
from tune.rows.shapes import COLUMNS, SHAPES, FormOptions, Shape
from tune.rows.trainer_files import TRAINER_FILES
from tune.types import Finding, TrainingRow, TrainingTurn

SEPARATORS = (" ->", "\n\n###\n\n", "\n\n===\n\n", "\n\n---\n\n", "\n\n===>\n\n", "\n\n--->\n\n")
STOPS = ("\n", " END", "***", "+++", "&&&", "$$$", "@@@", "%%%")
"""Those that OpenAI's old command proposed, in its order, without the full stop."""

SHOWN_ROWS = 10
SHOWN_REASONS = 10
MOST_REASON = 200
KEEPS_SPLITS = ("canonical", "table")
"""Shapes with a field for the split: all rows are one file."""


class Target(NamedTuple):
    """What a service or trainer takes: a shape in a container."""

    shape: str
    kind: str = "jsonl"
    has_weights: bool = True


TARGETS: Mapping[str, Target] = {
    "canonical": Target("canonical"),
    "openai": Target("openai"),
    "openai-dpo": Target("openai-dpo"),
    "dashscope": Target("openai", has_weights=False),
    "alpaca": Target("alpaca", "json"),
    "sharegpt": Target("sharegpt", "json"),
    "llama-factory": Target("sharegpt", "json"),
    "axolotl": Target("openai"),
    "prompt-completion": Target("prompt-completion"),
    "csv": Target("table", "csv"),
    "json": Target("table", "json"),
    "parquet": Target("canonical", "parquet"),
}
"""No file has a field that its shape does not need: services refuse one that fits two shapes."""

_LOST = {
    "rows": "do not fit the form and are left out",
    "turns": "come back with other turns",
    "weights": "lose the weights of their turns, so that every answer is trained on",
    "tools": "lose their tools",
    "rejected": "lose the answer that is not preferred",
    "label": "lose their label",
}


@dataclass(frozen=True, slots=True)
class Export:
    """Files by name, and what they could not carry."""

    files: Mapping[str, bytes]
    findings: tuple[Finding, ...]


def finding(code: str, detail: str, rows: Collection[int], *, blocks: bool = False) -> Finding:
    """A finding that says how many rows it is about, and shows the first."""
    said = f"Rows that {detail}: {len(rows)}."
    return Finding(code, blocks, said, tuple(sorted(rows)[:SHOWN_ROWS]), len(rows))


def read(
    data: bytes, name: str, *, form: str | None = None, options: FormOptions | None = None
) -> tuple[list[TrainingRow], tuple[Finding, ...]]:
    """The rows of a file. Records that are none are named and left out.

    Args:
        name: its name, for the extension.
        form: a name in `SHAPES`; None looks at the fields, and takes a table where columns are
            mapped.

    Raises:
        Rejected: it holds no row at all, or there is no such form or field for a column.
    """
    records = read_records(data, name)
    if form is not None and form not in SHAPES:
        raise Rejected(f"No form is called {form!r}. There are {', '.join(SHAPES)}.")
    options = options or FormOptions()
    if unknown := set(options.columns) - set(COLUMNS):
        raise Rejected(f"Columns are mapped for {', '.join(COLUMNS)}, not for {min(unknown)!r}.")
    options = options if options.separator else _with_endings(records, options)
    rows: list[TrainingRow] = []
    broken: dict[str, list[int]] = defaultdict(list)
    for number, record in enumerate(records):
        try:
            row = _shape_of(record, form, options).read(record, options)
            canonical.bytes_of([row])  # half a character (a lone surrogate) cannot be stored
            rows.append(row)
        except (LookupError, AttributeError, TypeError, ValueError, RecursionError) as exc:
            reason = _reason(exc)
            is_one_more = reason in broken or len(broken) < SHOWN_REASONS
            broken[reason if is_one_more else "for other reasons"].append(number)
    if not rows:
        why = next(iter(broken), "it is empty")
        raise Rejected(f"{name} holds no row that can be read: {why}.")
    return rows, tuple(
        finding("unreadable_row", f"cannot be read ({why})", numbers, blocks=True)
        for why, numbers in broken.items()
    )


def write(rows: Sequence[TrainingRow], to: str, options: FormOptions | None = None) -> Export:
    """The files of a target, one a split unless the rows say it themselves.

    Raises:
        Rejected: there is no such target, or no row fits it.
    """
    if to not in TARGETS:
        raise Rejected(f"No target is called {to!r}. There are {', '.join(TARGETS)}.")
    options, target, shape = options or FormOptions(), TARGETS[to], SHAPES[TARGETS[to].shape]
    lost: dict[str, list[int]] = defaultdict(list)
    parts: dict[str, list[Record]] = defaultdict(list)
    is_dpo = to == "llama-factory" and any(row.rejected is not None for row in rows)
    for number, row in enumerate(rows):
        fits = not is_dpo or row.rejected is not None
        record = shape.write(row if target.has_weights else _unweighted(row), options)
        if record is None or not fits:
            lost["rows"].append(number)
            continue
        part = "rows" if target.shape in KEEPS_SPLITS else row.split or "train"
        parts[part].append(record)
        for what in _differences(row, shape.read(record, options)):
            lost[what].append(number)
    if not parts:
        raise Rejected(f"No row fits the form {to!r}.")
    found = [finding(f"lost_{what}", _LOST[what], numbers) for what, numbers in lost.items()]
    files = {f"{part}.{target.kind}": write_records(parts[part], target.kind) for part in parts}
    if more := TRAINER_FILES.get(to):
        files |= more(list(parts), is_dpo, options)
    return Export(files, tuple(found))


def _shape_of(record: Record, form: str | None, options: FormOptions) -> Shape:
    if form is not None:
        return SHAPES[form]
    if options.columns:
        return SHAPES["table"]
    return next(shape for shape in SHAPES.values() if not shape.mark or shape.mark in record)


def _with_endings(records: Sequence[Record], options: FormOptions) -> FormOptions:
    """With the separator, and the stop, that all prompts and completions of a legacy file have."""
    prompts, completions = ([str(r.get(n, "")) for r in records] for n in ("prompt", "completion"))
    common = (each for each in SEPARATORS if all(text.endswith(each) for text in prompts))
    if not records or (separator := next(common, None)) is None:
        return options
    ends = (each for each in STOPS if all(text.endswith(each) for text in completions))
    return replace(options, separator=separator, stop=options.stop or next(ends, ""))


def _unweighted(row: TrainingRow) -> TrainingRow:
    return replace(row, messages=tuple(replace(turn, weight=None) for turn in row.messages))


def _differences(row: TrainingRow, back: TrainingRow) -> Iterator[str]:
    before, after = ([(turn.role, turn.content) for turn in each.messages] for each in (row, back))
    if before != after:
        yield "turns"
    elif [_is_read_only(turn) for turn in row.messages] != list(map(_is_read_only, back.messages)):
        yield "weights"
    yield from (
        name for name in ("tools", "rejected", "label") if getattr(row, name) != getattr(back, name)
    )


def _is_read_only(turn: TrainingTurn) -> bool:
    return turn.role == "assistant" and turn.weight == 0


def _reason(exc: Exception) -> str:
    if isinstance(exc, KeyError):
        return f"no field {exc.args[0]!r}"[:MOST_REASON]
    return str(exc)[:MOST_REASON].rstrip(".") or type(exc).__name__
