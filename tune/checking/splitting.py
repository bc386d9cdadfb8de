"""Which rows train and which measure: whole groups, never single rows.

Another phrasing of a fact that was trained on measures memory. So rows of one group, of one
question, or of questions that are nearly the same, stay together.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from kb.store.apps.fixed_answers import wording
from tune.checking.likeness import asked, near_pairs
from tune.rows.forms import finding
from tune.types import Finding, Split, TrainingRow

TOGETHER = 0.8
"""Likeness from which two questions are one. Set by hand: with less, questions that are filled in
by a template hang together by chains, and none can be held out."""


def split(
    rows: Sequence[TrainingRow], *, valid: float = 0.1, test: float = 0.0, seed: int = 0
) -> list[TrainingRow]:
    """The rows with a split each, in their order: the same for the same rows and seed.

    Args:
        valid, test: the shares of rows, from 0 to 1, which whole groups come near to.
    """
    groups: dict[int, list[int]] = defaultdict(list)
    for number, leader in enumerate(_leaders(rows)):
        groups[leader].append(number)
    shuffled = list(groups.values())
    random.Random(seed).shuffle(shuffled)
    wanted: dict[Split, float] = {"test": test * len(rows), "valid": valid * len(rows)}
    chosen: dict[int, Split] = {}
    for members in shuffled:
        fits = [name for name, room in wanted.items() if len(members) <= room + 0.5]
        if fits:
            wanted[fits[0]] -= len(members)
            chosen |= dict.fromkeys(members, fits[0])
    return [replace(row, split=chosen.get(number, "train")) for number, row in enumerate(rows)]


def leaks(rows: Sequence[TrainingRow]) -> list[Finding]:
    """Rows outside of `train` whose group or question, or one near to it, is trained on."""
    held = [number for number, row in enumerate(rows) if row.split in ("valid", "test")]
    trained = [number for number, row in enumerate(rows) if row.split in (None, "train")]
    groups = {rows[number].group for number in trained} - {""}
    questions = [wording(asked(row)) for row in rows]
    known = {questions[number] for number in trained}
    same = {n for n in held if rows[n].group in groups or questions[n] in known}
    order = [*trained, *held]
    pairs = near_pairs([questions[n] for n in order], known=len(trained)) if held else []
    near = {order[later] for _, later, _ in pairs if later >= len(trained)} - same
    found = []
    if same:
        detail = "are held out though their group or question is trained on (split again)"
        found.append(finding("leak", detail, same, blocks=True))
    if near:
        found.append(
            finding("near_leak", "are held out and nearly the same as one trained on", near)
        )
    return found


def _leaders(rows: Sequence[TrainingRow]) -> list[int]:
    """For each row the first of those that it must stay with (union-find)."""
    leader = list(range(len(rows)))

    def first(number: int) -> int:
        while leader[number] != number:
            leader[number] = number = leader[leader[number]]
        return number

    seen: dict[tuple[str, str], int] = {}
    questions = [wording(asked(row)) for row in rows]
    near = near_pairs(questions)
    pairs = [(before, later) for before, later, likeness in near if likeness >= TOGETHER]
    for number, row in enumerate(rows):
        keys = [("group", row.group), ("question", questions[number])]
        pairs += [(seen.setdefault(key, number), number) for key in keys if key[1]]
    for before, later in pairs:
        one, other = sorted((first(before), first(later)))
        leader[other] = one
    return [first(number) for number in range(len(rows))]
