"""`kb eval run`: from what was typed to a run, a report, and whether it is good enough."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast, get_args

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from client.http import Client
from eval.question_sets.forms import load
from eval.report.export import write_deepeval, write_ragas
from eval.report.page import write
from eval.run.running import Bar, Evaluation, EvaluationRun, Judge, evaluation
from eval.run.running import run as run_set
from eval.run.targets import AppTarget, DatasetTarget, EvaluationTarget
from eval.types import QuestionSet
from kb.errors import Rejected
from kb.settings import load_settings
from kb.types import SearchMode

MOST_HITS = 100
_PRINTED = ("recall@1", "recall@5", "mrr", "answer in 1000 tokens", "f1", "answered", "refused")


def run(
    client: Client,
    *,
    questions: Path,
    dataset: str | None = None,
    app: str | None = None,
    against: str | None = None,
    mode: str = "hybrid",
    against_mode: str | None = None,
    k: str,
    fail_under: Sequence[str] = (),
    out: Path,
    sample: int | None = None,
    seed: int = 0,
    judge: bool = False,
    ragas: Path | None = None,
    deepeval: Path | None = None,
) -> bool:
    """Measure, write the report, print the main numbers; whether every bar was held.

    The arguments are as they were typed: see the options of the command.

    Raises:
        Rejected: the options contradict each other, or a target does not exist.
        UnreadableQuestions: the question set cannot be read.
    """
    ks, bars = _ks(k), [_bar(text) for text in fail_under]
    asked = load(questions)
    if sample is not None:
        asked = asked.sample(sample, seed=seed)
    if (ragas or deepeval) and app is None:
        raise Rejected("--ragas and --deepeval write answers: name an app with --app SLUG.")
    targets = _targets(client, dataset, app, against, (mode, against_mode), max(ks))
    judging = _judge() if judge else None
    runs = [_measured(asked, target, ks, judging) for target in targets]
    found = evaluation(asked, runs[0], runs[1] if len(runs) > 1 else None, bars=bars)
    beside = write(found, out)
    if ragas:
        write_ragas(found.run.results, ragas)
    if deepeval:
        write_deepeval(found.run.results, deepeval)
    _print(found)
    for done in runs:
        _warn_of_failures(done)
    _warn_of_names(found.run)
    typer.echo(f"{out} and {beside} hold the report.")
    return all(bar.is_held for bar in found.bars)


def _measured(
    questions: QuestionSet, target: EvaluationTarget, ks: Sequence[int], judge: Judge | None
) -> EvaluationRun:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, TimeRemainingColumn(), console=console, disable=not sys.stderr.isatty()
    ) as progress:
        task = progress.add_task(target.name, total=len(questions.questions))
        return run_set(
            questions, target, ks=ks, judge=judge, on_result=lambda: progress.advance(task)
        )


def _targets(
    client: Client,
    dataset: str | None,
    app: str | None,
    against: str | None,
    modes: tuple[str, str | None],
    top_k: int,
) -> list[EvaluationTarget]:
    if (dataset is None) == (app is None):
        raise Rejected("Name what to measure: either --dataset NAME or --app SLUG.")
    if app is not None:
        return [AppTarget(client, each) for each in (app, against) if each]
    mode, other_mode = modes
    chosen = [(dataset or "", mode)]
    if against or other_mode:
        chosen.append((against or dataset or "", other_mode or mode))
    return [DatasetTarget(client, name, mode=_mode(m), top_k=top_k) for name, m in chosen]


def _judge() -> Judge:
    from eval.run.judge import open_judge

    judge: Judge = open_judge(load_settings())
    return judge


def _mode(text: str) -> SearchMode:
    if text not in get_args(SearchMode):
        raise Rejected(f"There is no mode {text!r}, only {', '.join(get_args(SearchMode))}.")
    return cast(SearchMode, text)


def _ks(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and 1 <= int(part) <= MOST_HITS for part in parts):
        raise Rejected(f"--k takes numbers from 1 to {MOST_HITS} with commas, not {text!r}.")
    return sorted({int(part) for part in parts})


def _bar(text: str) -> Bar:
    metric, _, value = text.rpartition("=")
    try:
        return Bar(metric.strip(), float(value))
    except ValueError:
        raise Rejected(f"--fail-under takes METRIC=VALUE, not {text!r}.") from None


def _warn_of_failures(done: EvaluationRun) -> None:
    errors = [result.response.error for result in done.results if result.response.error]
    if errors:
        typer.echo(
            f"{len(errors)} of {len(done.results)} questions to {done.target} failed and count as "
            f"0; the first: {errors[0]}",
            err=True,
        )


def _warn_of_names(done: EvaluationRun) -> None:
    """Say so if the questions and the dataset seem to be about different documents."""
    wanted = {part.document for result in done.results for part in result.question.relevant}
    found = {hit.document for result in done.results for hit in result.response.hits}
    if wanted and found and not wanted & found:
        typer.echo(
            f"No hit comes from a document that the questions name. They name {min(wanted)!r}, the "
            f"hits come from {min(found)!r}: names must be as in the dataset.",
            err=True,
        )


def _print(found: Evaluation) -> None:
    for name in _PRINTED:
        if name in found.run.summary.metrics:
            value = found.run.summary.metrics[name]
            typer.echo(f"{name:24} {value.mean:.3f}  ({value.low:.3f} to {value.high:.3f})")
    for row in found.compared:
        if row.metric in _PRINTED:
            change = row.difference
            typer.echo(f"{row.metric:24} {change.mean:+.3f} against, p = {change.p_value:.3f}")
    for bar in found.bars:
        if not bar.is_held:
            typer.echo(f"{bar.metric} is {bar.reached:.3f}, below {bar.least}", err=True)
