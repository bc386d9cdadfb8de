"""Training jobs: begin one and follow it, look at them, pause, resume, cancel and delete them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.connecting import connected
from cli.printing import AsJson, print_json, show, show_list
from cli.tune.app import tune

if TYPE_CHECKING:
    from client.http import Client

AGAIN_S = 2.0
PATIENCE_S = 300.0
"""For a server that is started anew meanwhile."""

JobId = Annotated[str, typer.Argument(help="Id of a job.", metavar="JOB")]
Show = Callable[[Mapping[str, Any]], None]


@tune.command("run")
def run(
    source: Annotated[
        str, typer.Argument(help="File of rows, or training set (NAME@2).", metavar="FILE|SET")
    ],
    model: Annotated[str, typer.Option(help="Base model, or tuned model to be continued.")],
    validation: Annotated[Path | None, typer.Option(help="File of held-out rows.")] = None,
    suffix: Annotated[str | None, typer.Option(help="Part of the new model's name.")] = None,
    task: Annotated[str, typer.Option(help="chat, completion, classify or extract.")] = "chat",
    method: Annotated[str, typer.Option(help="supervised or dpo.")] = "supervised",
    parameter: Annotated[list[str], typer.Option("--set", help="As n_epochs=3. Repeatable.")] = [],  # noqa: B006
    seed: Annotated[int | None, typer.Option(help="Makes the run repeatable.")] = None,
    backend: Annotated[str, typer.Option(help="Who trains.")] = "local",
    follow: Annotated[bool, typer.Option(help="Wait for its end.")] = True,
    as_json: AsJson = False,
) -> None:
    """Train a model on a file or a training set, and show how far it is."""
    chosen = {
        "model": model,
        "suffix": suffix,
        "task": task,
        "method": method,
        "seed": seed,
        "backend": backend,
        "hyperparameters": dict(map(_parameter, parameter)),
    }
    with connected() as client:
        if Path(source).is_file():
            chosen["training_file"] = client.store(Path(source), "fine-tune")["id"]
        else:
            chosen["training_set"] = source
        if validation is not None:
            chosen["validation_file"] = client.store(validation, "fine-tune")["id"]
        job = client.send("POST", "/v1/tuning/jobs", chosen)
        if follow:
            with _bar(job["id"], quiet=as_json or not sys.stderr.isatty()) as progress:
                job = followed(client, job["id"], progress)
    show(job, _lines(job), as_json=as_json)
    if job["status"] == "failed":
        raise typer.Exit(1)


@tune.command("jobs")
def jobs(as_json: AsJson = False) -> None:
    """List the training jobs, newest first."""
    show_list("/v1/tuning/jobs", ("id", "status", "model", "fine_tuned_model"), as_json=as_json)


@tune.command("show")
def show_one(
    name: Annotated[str, typer.Argument(help="Job, or tuned model (ft:…).", metavar="JOB|MODEL")],
    as_json: AsJson = False,
) -> None:
    """Show a job with what its curve says, or where a tuned model comes from and what it does."""
    with connected() as client:
        if name.startswith("ft:"):
            print_json(client.get(f"/v1/tuning/models/{name}"))
            return
        job = client.get(f"/v1/tuning/jobs/{name}")
    show(job, _lines(job), as_json=as_json)


def _telling(verb: str) -> Callable[[str], None]:
    def tell(job_id: JobId) -> None:
        with connected() as client:
            job = client.send("POST", f"/v1/tuning/jobs/{job_id}/{verb}")
        typer.echo(f"{job['id']}: {job['status']}")

    return tell


VERBS = {
    "pause": "Save where a job is, and let others have its turn.",
    "resume": "Let a paused job go on where it was.",
    "cancel": "End a job without a model.",
}
for _verb, _help in VERBS.items():
    tune.command(_verb, help=_help)(_telling(_verb))


@tune.command("delete")
def delete(job_id: JobId) -> None:
    """Delete a job that has ended, with its model."""
    with connected() as client:
        client.send("DELETE", f"/v1/tuning/jobs/{job_id}")


def followed(client: Client, job_id: str, progress: Show) -> dict[str, Any]:
    """Show the events of a job until it has ended, also past a server that is started anew."""
    from client.errors import ServerUnreachable

    seen, silent_since = 0, time.monotonic()
    while True:
        try:
            path = f"/v1/tuning/jobs/{job_id}/events?after={seen}"
            for name, data in client.events("GET", path):
                silent_since = time.monotonic()
                if name == "job.ended":
                    return dict(data)
                seen = data["seq"]
                progress(data)
        except ServerUnreachable:
            if time.monotonic() > silent_since + PATIENCE_S:
                raise
        time.sleep(AGAIN_S)


@contextmanager
def _bar(job_id: str, *, quiet: bool) -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    how = TextColumn("{task.fields[how]}")
    with Progress(*columns, how, console=Console(stderr=True), disable=quiet) as progress:
        bar = progress.add_task(job_id, total=None, how="")

        def update(event: Mapping[str, Any]) -> None:
            data = event["data"]
            if event["kind"] == "metrics":
                done, total = data.get("step"), data.get("total_steps")
                progress.update(bar, completed=done, total=total, how=_how_far(data))
            elif not quiet:
                progress.console.print(event["message"], markup=False, highlight=False)

        yield update


def _how_far(data: Mapping[str, Any]) -> str:
    names = {"train_loss": "loss", "valid_loss": "held-out loss"}
    told = [f"{name} {float(data[key]):.3g}" for key, name in names.items() if data.get(key)]
    if data.get("seconds_left") is not None:
        told.append(f"{timedelta(seconds=round(data['seconds_left']))} left")
    return ", ".join(told)


def _lines(job: Mapping[str, Any]) -> Iterator[str]:
    yield f"{job['id']}: {job['status']}"
    if job["error"]:
        yield f"{job['error']['detail']} ({job['error']['code']})"
    if job["fine_tuned_model"]:
        yield f"model {job['fine_tuned_model']}"
    for finding in (job["diagnosis"] or {}).get("findings", ()):
        yield f"{finding['verdict'].replace('_', ' ')}: {finding['reason']} {finding['advice']}"


def _parameter(given: str) -> tuple[str, Any]:
    import json

    name, _, value = given.partition("=")
    if not value:
        raise typer.BadParameter(f"{given!r} is not NAME=VALUE, as n_epochs=3")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
