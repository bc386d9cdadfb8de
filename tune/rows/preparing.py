"""What OpenAI's `prepare_data` did for prompts and completions, and what to use at inference.

Both endings are chosen so that they stand in no row: a model that learns to stop at a text of its
own answers stops too early, and a separator within a prompt hides where the answer begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kb.errors import Rejected
from tune.rows.forms import SEPARATORS, STOPS
from tune.rows.shapes import FormOptions
from tune.types import TrainingRow


@dataclass(frozen=True, slots=True)
class Prepared:
    """Rows without copies and outer blanks, the endings for them, and what was done."""

    rows: list[TrainingRow]
    options: FormOptions
    done: tuple[str, ...]


def prepare(rows: Sequence[TrainingRow]) -> Prepared:
    """Strip texts, drop empty rows and copies, and choose a separator and a stop.

    Raises:
        Rejected: nothing is left, or each ending that is known stands in some row.
    """
    stripped = [_stripped(row) for row in rows]
    filled = [row for row in stripped if row.prompt and row.answer]
    kept = list({row.messages: row for row in filled}.values())
    if not kept:
        raise Rejected("No row has both a question and an answer.")
    said = [turn.content for row in kept for turn in row.messages]
    options = FormOptions(separator=_absent(SEPARATORS, said), stop=_absent(STOPS, said))
    counts = {
        "rows lose blanks around their texts": sum(
            a != b for a, b in zip(rows, stripped, strict=True)
        ),
        "rows without a question or an answer are left out": len(rows) - len(filled),
        "copies are left out": len(filled) - len(kept),
    }
    return Prepared(kept, options, tuple(f"{n} {what}" for what, n in counts.items() if n))


def _stripped(row: TrainingRow) -> TrainingRow:
    turns = (replace(turn, content=turn.content.strip()) for turn in row.messages)
    return replace(row, messages=tuple(turns))


def _absent(endings: Sequence[str], texts: Sequence[str]) -> str:
    for ending in endings:
        if not any(ending.strip(" ") in text for text in texts):
            return ending
    raise Rejected(f"Each of {', '.join(map(repr, endings))} stands in a row. Choose one yourself.")
