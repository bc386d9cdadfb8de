"""A blind side-by-side: people see two answers without knowing whose they are, and their choices
count in the report. Which side was which is kept in a file of its own."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eval.metrics.intervals import mcnemar
from kb.errors import Rejected
from tune.report.verdict import SIGNIFICANT, label

OVERALL = "better"
_CHOICES = {"1": 0, "2": 1}
_FORMULA = ("=", "+", "-", "@")


def write_sheet(
    report: Mapping[str, Any], sides: tuple[str, str], path: Path, *, seed: int = 0
) -> Path:
    """Write a CSV to fill in with 1, 2 or = (one column overall, one for each criterion that is
    judged by hand), and the key beside it; returns the path of the key.

    Questions to which both sides said the same are left out.

    Raises:
        Rejected: the report has no such arm.
    """
    if not set(sides) <= set(report["arms"]):
        raise Rejected(f"Compare two of {', '.join(report['arms'])}.")
    dice, key = random.Random(seed), {}
    columns = [OVERALL, *(c["name"] for c in report["plan"]["criteria"] if c["how"] == "hand")]
    with path.open("w", encoding="utf-8", newline="") as lines:
        sheet = csv.writer(lines)
        sheet.writerow(["id", "question", "answer 1", "answer 2", *columns])
        for row in report["answers"]:
            shuffled = dice.sample(sides, 2)
            texts = [row["said"][side]["text"] for side in shuffled]
            if texts[0] != texts[1]:
                key[row["id"]] = shuffled
                sheet.writerow(map(_cell, (row["id"], row["question"], *texts)))
    beside = path.with_suffix(".key.json")
    beside.write_text(json.dumps({"sides": sides, "shuffled": key}), encoding="utf-8")
    return beside


def _cell(text: str) -> str:
    """A text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def read_sheet(path: Path) -> dict[str, Any]:
    """The choices of a filled-in sheet, for each column that was: how often each side was chosen,
    ties, and the chance of as uneven a choice by luck (sign test). Empty cells do not count.

    Raises:
        Rejected: a cell holds something else, or a row is not in the key.
    """
    key = json.loads(path.with_suffix(".key.json").read_text(encoding="utf-8"))
    sides = key["sides"]
    counts: dict[str, dict[str, int]] = {}
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    for row in rows:
        shuffled = key["shuffled"].get((row["id"] or "").removeprefix("'"))
        for column in list(row)[4:]:
            choice = (row[column] or "").strip()
            if shuffled is None or choice not in ("", "=", *_CHOICES):
                raise Rejected(f"{path.name}, question {row['id']}: {column} is 1, 2, = or empty.")
            if choice:
                count = counts.setdefault(column, {sides[0]: 0, sides[1]: 0, "=": 0})
                count[shuffled[_CHOICES[choice]] if choice in _CHOICES else "="] += 1
    return {
        column: {**count, "p_value": mcnemar(count[sides[0]], count[sides[1]])}
        for column, count in counts.items()
    }


def counted(report: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The report with the choices of a filled-in sheet; where people clearly prefer one side, the
    verdict says so. Raises what `read_sheet` raises."""
    choices = read_sheet(path)
    overall = {"p_value": 1.0, **choices.get(OVERALL, {})}
    people = ""
    if overall["p_value"] < SIGNIFICANT:
        (winner, most), (_, least) = sorted(
            ((side, count) for side, count in overall.items() if side not in ("=", "p_value")),
            key=lambda item: -item[1],
        )
        people = f"People who do not know whose they are prefer the answers of {label(winner)}, "
        people += f"{most} to {least} (p = {overall['p_value']:.2g})."
    return {**report, "blind": choices, "verdict": {**report["verdict"], "people": people}}
