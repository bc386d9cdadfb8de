"""Four ways to answer the same questions (base and tuned, each with and without retrieval): how
often each is right, how soon, and what a right answer costs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from client.http import Client
from eval.metrics.answers import answer_in
from eval.question_sets.forms import load
from eval.run.measuring import Result
from eval.run.running import EvaluationRun
from eval.run.running import run as run_set
from eval.run.targets import AppTarget
from eval.types import AppAnswer
from kb.errors import Rejected
from kb.types.apps import VariantName
from tune.report.pages import write_report
from tune.report.plan import Plan, read_plan
from tune.report.verdict import ArmCost, difference, verdict

ARMS: Mapping[str, tuple[VariantName, bool]] = {
    "base": ("base", False),
    "base_retrieval": ("base", True),
    "tuned": ("tuned", False),
    "tuned_retrieval": ("tuned", True),
}
"""For each arm the variant that answers, and whether it may search."""
RIGHT = "right"
SHOWN = (RIGHT, "exact match", "f1", "grounded", "answered", "refused", "citation precision")
MEETS = "meets "
KEPT = ("earlier", "general")
"""Types of questions about what was known before: earlier rounds, and the world."""


def targets(client: Client, app: str) -> list[AppTarget]:
    """The four arms of an app (slug or slug@version). Raises RequestFailed, Rejected."""
    return [
        AppTarget(client, app, route=route, is_plain=not searches, name=name)
        for name, (route, searches) in ARMS.items()
    ]


def judging(plan: Plan) -> Callable[[Result], Result]:
    """Adds whether an answer is right and grounded, and which criteria it meets.

    An answer is right if what is known to be right stands in it; to a question that the documents
    do not answer, if it refuses, or says one of the refusals that the set has as its answers.
    """

    def judge(result: Result) -> Result:
        question, answer = result.question, result.response.answer
        text, values = answer.text if answer else "", dict(result.values)
        is_right = answer_in([text], question.answers, need=question.need) == 1
        if question.answers or not question.answerable:
            refuses = not question.answerable and answer is not None and answer.is_refusal
            values[RIGHT] = float(is_right or refuses)
        if answer and answer.is_grounded is not None:
            values["grounded"] = float(answer.is_grounded)
        for criterion in plan.criteria:
            if criterion.how != "hand":
                values[MEETS + criterion.name] = float(criterion.is_met(text))
        return replace(result, values=values)

    return judge


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
        Rejected: the plan is broken, or base or tuned has not answered anything.
        RequestFailed: there is no such app.
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
    for variant in ("base", "tuned"):
        own = [run for run in runs if ARMS[run.target][0] == variant]
        if not any(_given(run) for run in own):
            failure = own[0].results[0].response.error
            raise Rejected(f"Nothing is compared, for {variant} answered no question: {failure}")
    found = report(runs, settled, app=app, questions=asked.name)
    write_report(found, out)
    return found


def report(runs: Sequence[EvaluationRun], plan: Plan, **about: Any) -> dict[str, Any]:
    """Everything that the page shows, as JSON.

    Args:
        runs: one for each arm, named as in `ARMS`, over the same questions.
        about: what else is to be told of the whole.
    """
    arms = [_arm(run, plan) for run in runs]
    return {
        **about,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "verdict": verdict(arms),
        "plan": plan.model_dump(),
        "arms": {run.target: _figures(run, arm) for run, arm in zip(runs, arms, strict=True)},
        "kept": _kept([run for run, arm in zip(runs, arms, strict=True) if arm.is_tuned]),
        "compared": [difference(one, other) for one, other in combinations(arms, 2)],
        "answers": [_said(results) for results in zip(*(r.results for r in runs), strict=True)],
        "blind": None,
    }


def _arm(run: EvaluationRun, plan: Plan) -> ArmCost:
    route, searches = ARMS[run.target]
    costs = [plan.of_answer(answer, searches=searches) for answer in _given(run)]
    known = [cost for cost in costs if cost is not None]
    return ArmCost(
        run.target,
        route == "tuned",
        [result.values.get(RIGHT) for result in run.results],
        sum(known) / len(known) if known and len(known) == len(costs) else None,
        plan.a_month(is_tuned=route == "tuned"),
        plan.answers_a_month,
    )


def _figures(run: EvaluationRun, arm: ArmCost) -> dict[str, Any]:
    said, summary = _given(run), run.summary
    means = {name: summary.metrics[name] for name in SHOWN if name in summary.metrics}
    means |= {name: mean for name, mean in summary.metrics.items() if name.startswith(MEETS)}
    form = [mean.mean for name, mean in means.items() if name.startswith(MEETS)]
    times = [result.response.took_ms for result in run.results if result.response.answer]
    return {
        "correct": arm.share if RIGHT in means else None,
        "format": sum(form) / len(form) if form else None,
        "failed": summary.failed,
        "failure": next((r.response.error for r in run.results if r.response.error), None),
        "searched": any(result.response.hits for result in run.results),
        "metrics": {name: asdict(value) for name, value in means.items()},
        "right_by_type": {
            name: group.metrics[RIGHT].mean
            for name, group in summary.by_type.items()
            if RIGHT in group.metrics
        },
        "first_token_ms": _quantiles(answer.first_token_ms for answer in said),
        "latency_ms": _quantiles(times),
        "tokens_in": float(np.mean([answer.tokens_in for answer in said] or [0])),
        "tokens_out": float(np.mean([answer.tokens_out for answer in said] or [0])),
        "cost_per_answer": arm.an_answer,
        "fixed_per_answer": arm.a_month / arm.answers_a_month,
        "cost_per_right_answer": arm.a_right_answer,
    }


def _kept(runs: Sequence[EvaluationRun]) -> float | None:
    """The share of the questions of the types `KEPT` that the better tuned arm gets right."""
    values = [
        [r.values[RIGHT] for r in run.results if r.question.type in KEPT and RIGHT in r.values]
        for run in runs
    ]
    return max((sum(found) / len(found) for found in values if found), default=None)


def _given(run: EvaluationRun) -> list[AppAnswer]:
    return [result.response.answer for result in run.results if result.response.answer]


def _quantiles(values: Iterable[float]) -> dict[str, float]:
    p50, p95 = np.quantile(list(values) or [0.0], (0.5, 0.95))
    return {"p50": float(p50), "p95": float(p95)}


def _said(results: Sequence[Result]) -> dict[str, Any]:
    """What all arms said to one question."""
    question = results[0].question
    said = {
        arm: {
            "text": result.response.answer.text if result.response.answer else "",
            "error": result.response.error or None,
            "right": result.values.get(RIGHT),
        }
        for arm, result in zip(ARMS, results, strict=True)
    }
    expected = [*question.answers, *([] if question.answerable else ["a refusal"])]
    return {"id": question.id, "question": question.text, "expected": expected, "said": said}
