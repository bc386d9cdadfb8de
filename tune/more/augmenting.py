"""`kb tune augment`: rows like the seeds, made up by a language model, for a person to judge.

The prompt shows seeds, and bad examples with why they are bad: what a person refuses is shown in
the next round. So the first round is small.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from kb.protocols import Sampling
from tune.checking.likeness import near_pairs
from tune.more.journal import Journal
from tune.more.writing import Writer, gathered
from tune.rows import canonical
from tune.sets.versions import REFUSED
from tune.types import TrainingRow, TrainingTurn

FIRST_ROUND = 20
"""Candidates before a person has read any: their mistakes teach the next prompt."""
SHOWN_SEEDS, SHOWN_BAD = 50, 20
ROWS_A_REQUEST = 10
MOST_REQUESTS = 3
"""For each that would do if every row were good: models repeat themselves."""

_PROMPT = """Write {count} more examples for training a model, like these in kind, language, tone \
and length, but about other things. Copy none, and repeat no question.

Good examples:
{good}
{bad}
Reply with one JSON object a line, nothing else: {{"question": "...", "{answer}": "..."}}"""
_BAD = """
Bad examples. Make none of their mistakes:
{rows}
"""


async def augment(
    seeds: Sequence[TrainingRow],
    refused: Sequence[TrainingRow],
    known: Sequence[TrainingRow],
    count: int,
    *,
    writer: Writer,
    journal: Journal,
    told: Callable[[int], object] = int,
) -> list[TrainingRow]:
    """Up to `count` candidates that are near to no seed, no known row, and not to each other.

    Args:
        seeds: single turns, of which some are shown in each request.
        refused: bad examples, with the reason in their `group`.
        known: what is waiting for a person already.
        journal: candidates of a run that was cut count too.

    Raises:
        ModelUnavailable: what has come is in the journal.
    """
    taken = [*seeds, *refused, *known]
    sampling = Sampling(1.0, 4000)
    asked = 0

    async def ask(number: int) -> None:
        prompt = prompt_of(seeds, refused, random.Random(number + len(taken)))
        for reply in await writer.write(prompt, 1, sampling):
            for row in candidates_in(reply, seeds[0]):
                journal.add(canonical.to_json(row))
        told(len(journal.records))

    while len(found := _fresh(journal.records, taken)) < count:
        missing = -(-(count - len(found)) // ROWS_A_REQUEST)
        allowed = MOST_REQUESTS * -(-count // ROWS_A_REQUEST) - asked
        if allowed <= 0:
            break
        start, asked = len(journal.records) + asked, asked + min(missing, allowed)
        await gathered(ask(start + number) for number in range(min(missing, allowed)))
    return found[:count]


def prompt_of(
    seeds: Sequence[TrainingRow], refused: Sequence[TrainingRow], choose: random.Random
) -> str:
    """What the model is asked: other seeds each time, so that it does not repeat itself."""
    shown = choose.sample(seeds, min(SHOWN_SEEDS, len(seeds)))
    bad = "\n".join(
        f"{_line(row)}  Why it is bad: {row.group.removeprefix(REFUSED)}"
        for row in refused[-SHOWN_BAD:]
    )
    return _PROMPT.format(
        count=ROWS_A_REQUEST,
        good="\n".join(map(_line, shown)),
        bad=_BAD.format(rows=bad) if bad else "",
        answer=_field(seeds[0]),
    )


def candidates_in(reply: str, like: TrainingRow) -> Iterator[TrainingRow]:
    """The rows that stand in a reply, with the system's text of a seed; the rest is passed over."""
    led = like.messages[: like.messages[0].role == "system"]
    for raw in _objects(reply):
        question, answer = raw.get("question"), raw.get(_field(like))
        if (
            isinstance(question, str)
            and isinstance(answer, str)
            and question.strip(". ")
            and answer
        ):
            turns = (*led, TrainingTurn("user", question))
            if like.label is not None:
                yield TrainingRow(turns, origin="augmented", label=answer)
            else:
                yield TrainingRow((*turns, TrainingTurn("assistant", answer)), origin="augmented")


def _objects(text: str) -> Iterator[Mapping[str, Any]]:
    decoder, start = json.JSONDecoder(), text.find("{")
    while start >= 0:
        try:
            found, end = decoder.raw_decode(text, start)
            yield found
        except ValueError:
            end = start + 1
        start = text.find("{", end)


def _fresh(records: Sequence[Mapping[str, Any]], taken: Sequence[TrainingRow]) -> list[TrainingRow]:
    rows = [canonical.of_json(record) for record in records]
    near = {later for _, later, _ in near_pairs([row.prompt for row in (*taken, *rows)])}
    return [row for number, row in enumerate(rows, start=len(taken)) if number not in near]


def _field(row: TrainingRow) -> str:
    return "answer" if row.label is None else "label"


def _line(row: TrainingRow) -> str:
    said = row.answer or row.label
    return json.dumps({"question": row.prompt, "answer": said}, ensure_ascii=False)
