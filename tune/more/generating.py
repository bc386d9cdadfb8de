"""`kb tune generate`: every combination of a grid, through a template, several answers each."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kb.errors import Rejected
from kb.protocols import Sampling
from tune.checking.report import estimated_tokens
from tune.more.journal import Journal
from tune.more.writing import Writer, gathered
from tune.rows.containers import write_records

_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be asked: prompts by their values in the grid, and how often each."""

    prompts: Mapping[tuple[str, ...], str]
    names: tuple[str, ...]
    repeat: int
    sampling: Sampling

    @property
    def prompt_tokens(self) -> int:
        """About the tokens of all prompts, each sent once."""
        return sum(map(estimated_tokens, self.prompts.values()))

    @property
    def most_tokens(self) -> int:
        """The most that all answers may take."""
        return len(self.prompts) * self.repeat * (self.sampling.max_tokens or 0)


def plan(
    template: str, grid: Mapping[str, Sequence[str]], *, repeat: int, sampling: Sampling
) -> Plan:
    """All combinations of a grid, filled into a template such as "A story of {dynasty}".

    Raises:
        Rejected: the template and the grid name different things.
    """
    if set(_PLACE.findall(template)) != set(grid):
        raise Rejected(
            f"The template has {sorted(set(_PLACE.findall(template)))}, the grid {sorted(grid)}."
        )
    names = tuple(grid)
    prompts = {}
    for values in itertools.product(*grid.values()):
        prompts[values] = filled(template, dict(zip(names, values, strict=True)))
    return Plan(prompts, names, repeat, sampling)


def filled(template: str, values: Mapping[str, str]) -> str:
    """A template with its places filled; what is filled in is not looked at again."""
    return _PLACE.sub(lambda match: values[match[1]], template)


async def generate(
    what: Plan, writer: Writer, out: Path, *, told: Callable[[int], object] = int
) -> int:
    """Ask for what is missing, and write a CSV: the grid's columns, `prompt`, `completion`.

    Args:
        out: the CSV; what has come so far lies beside it as OUT.partial.
        told: called with the number of answers that have come.

    Returns:
        The number of rows.

    Raises:
        ModelUnavailable: what has come is kept, and the same call goes on.
    """
    journal = Journal(out.with_name(f"{out.name}.partial"))
    there = Counter(tuple(record[name] for name in what.names) for record in journal.records)
    told(len(journal.records))

    async def ask(values: tuple[str, ...], prompt: str) -> None:
        for answer in await writer.write(prompt, what.repeat - there[values], what.sampling):
            chosen = dict(zip(what.names, values, strict=True))
            journal.add({**chosen, "prompt": ",".join(values), "completion": answer})
        told(len(journal.records))

    await gathered(
        [
            ask(values, prompt)
            for values, prompt in what.prompts.items()
            if there[values] < what.repeat
        ]
    )
    place = {values: number for number, values in enumerate(what.prompts)}
    wanted = [r for r in journal.records if tuple(r[n] for n in what.names) in place]
    wanted.sort(key=lambda record: place[tuple(record[name] for name in what.names)])
    out.write_bytes(write_records(wanted, "csv"))
    journal.remove()
    return len(wanted)
