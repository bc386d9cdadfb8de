"""`kb tune report`: from what was typed to four runs, a page and its JSON."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from client.http import Client
from eval.question_sets.forms import load
from eval.run.running import run as run_set
from tune.report.four_arms import judging, report, targets
from tune.report.pages import write_report
from tune.report.plan import read_plan


def run(
    client: Client,
    questions: Path,
    *,
    app: str,
    plan: Path | None,
    out: Path,
    sample: int | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Ask all four arms, write the report, return it. The arguments are as they were typed.

    Raises:
        Rejected: the plan is broken, or there is no such app.
        UnreadableQuestions: the question set cannot be read.
    """
    settled, asked = read_plan(plan), load(questions)
    if sample is not None:
        asked = asked.sample(sample, seed=seed)
    arms = track(
        targets(client, app),
        "four arms",
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )
    runs = [run_set(asked, arm, judge=judging(settled)) for arm in arms]
    found = report(runs, settled, app=app, questions=asked.name)
    write_report(found, out)
    return found
