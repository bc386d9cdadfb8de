"""`kb tune generate`: every combination of a grid, through a template, several answers each."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from kb.errors import Rejected
from kb.protocols import Sampling
from tune.more.journal import Journal
from tune.more.writing import Writer, gathered
from tune.rows.containers import write_records

_PLACE = re.compile(r"\{(\w+)\}")
Prompts = Mapping[tuple[str, ...], str]
"""What is asked, by its values in the grid."""


def prompts_of(template: str, grid: Mapping[str, Sequence[str]]) -> Prompts:
    """All combinations of a grid, filled into a template such as "A story of {dynasty}".

    Raises:
        Rejected: the template and the grid name different things.
    """
    if set(_PLACE.findall(template)) != set(grid):
        raise Rejected(
            f"The template has {sorted(set(_PLACE.findall(template)))}, the grid {sorted(grid)}."
        )
    every = itertools.product(*grid.values())
    return {values: filled(template, dict(zip(grid, values, strict=True))) for values in every}


def filled(template: str, values: Mapping[str, str]) -> str:
    """A template with its places filled; what is filled in is not looked at again."""
    return _PLACE.sub(lambda match: values[match[1]], template)


async def generate(
    prompts: Prompts,
    names: Sequence[str],
    writer: Writer,
    out: Path,
    *,
    repeat: int,
    sampling: Sampling,
    told: Callable[[int], object] = int,
) -> int:
    """Ask for what is missing, and write a CSV: the grid's columns, `prompt`, `completion`.

    Args:
        names: of the grid's columns.
        out: the CSV; what has come so far lies beside it as OUT.partial.
        told: called with the number of answers that have come.

    Returns:
        The number of rows.

    Raises:
        ModelUnavailable: what has come is kept, and the same call goes on.
    """
    journal = Journal(out.with_name(f"{out.name}.partial"))

    def of_grid(record: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(record[name] for name in names)

    there = Counter(map(of_grid, journal.records))
    told(len(journal.records))

    async def ask(values: tuple[str, ...], prompt: str) -> None:
        for answer in await writer.write(prompt, repeat - there[values], sampling):
            chosen = dict(zip(names, values, strict=True))
            journal.add({**chosen, "prompt": ",".join(values), "completion": answer})
        told(len(journal.records))

    await gathered(ask(values, said) for values, said in prompts.items() if there[values] < repeat)
    place = {values: number for number, values in enumerate(prompts)}
    wanted = [record for record in journal.records if of_grid(record) in place]
    wanted.sort(key=lambda record: place[of_grid(record)])
    out.write_bytes(write_records(wanted, "csv"))
    journal.remove()
    return len(wanted)
