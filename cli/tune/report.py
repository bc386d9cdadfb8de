"""Whether tuning pays (`kb tune report`, `blind`), and which base to begin with (`compare`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.connecting import connected
from cli.printing import AsJson, show
from cli.tune.app import tune
from cli.tune.jobs import followed


@tune.command("report")
def report(
    questions: Annotated[Path, typer.Argument(help="Held-out questions.", metavar="SET")],
    app: Annotated[str, typer.Option(help="SLUG or SLUG@VERSION with a tuned variant.")],
    plan: Annotated[Path | None, typer.Option(help="Criteria and prices, as JSON.")] = None,
    out: Annotated[Path, typer.Option(help="The page; JSON lies beside it.")] = Path("pays.html"),
    sample: Annotated[int | None, typer.Option(help="Ask at most so many questions.")] = None,
    seed: Annotated[int, typer.Option(help="Chooses the sample.")] = 0,
) -> None:
    """Ask base and tuned, each with and without retrieval, and say whether tuning pays."""
    from tune.report.four_arms import run

    with connected() as client:
        found = run(client, questions, app=app, plan=plan, out=out, sample=sample, seed=seed)
    typer.echo(found["verdict"]["sentence"])
    typer.echo(f"{out} and {out.with_suffix('.json')} hold the report.")


@tune.command("blind")
def blind(
    report: Annotated[Path, typer.Argument(help="The JSON of a report.", metavar="REPORT")],
    sheet: Annotated[Path, typer.Argument(help="A CSV to fill in.", metavar="SHEET")],
    side: Annotated[list[str], typer.Option(help="Two arms.")] = ["base_retrieval", "tuned"],  # noqa: B006
    seed: Annotated[int, typer.Option(help="Shuffles the sides.")] = 0,
) -> None:
    """Write two arms' answers side by side, in shuffled order; or read the filled-in sheet."""
    from kb.errors import Rejected
    from tune.report.blind import counted, write_sheet
    from tune.report.pages import write_report

    found = json.loads(report.read_text(encoding="utf-8"))
    if sheet.exists():
        write_report(counted(found, sheet), report.with_suffix(".html"))
        typer.echo(f"{report.with_suffix('.html')} counts the choices of {sheet}.")
        return
    if len(side) != 2:
        raise Rejected("Name two arms: --side A --side B.")
    key = write_sheet(found, (side[0], side[1]), sheet, seed=seed)
    typer.echo(f"Fill in {sheet} with 1, 2 or =, without looking into {key}; then run this again.")


@tune.command("curve")
def curve(
    job: Annotated[str, typer.Argument(help="Id of a job, running or ended.")],
    out: Annotated[Path, typer.Option(help="The page; JSON lies beside it.")] = Path("curve.html"),
) -> None:
    """Draw a job's curves on a page, and say what they mean."""
    from dataclasses import asdict

    from tune.diagnosis.curve import diagnose
    from tune.report.pages import job_page

    with connected() as client:
        found = client.get(f"/v1/tuning/jobs/{job}")
        points = client.get(f"/v1/tuning/jobs/{job}/curve")
        told = client.events("GET", f"/v1/tuning/jobs/{job}/events") if found["finished_at"] else ()
        messages = [data for name, data in told if name == "event" and data["kind"] == "message"]
    diagnosis = found["diagnosis"] or asdict(diagnose(points))
    events = [*({"kind": "metrics", "data": point} for point in points), *messages]
    out.write_text(job_page(found, events, diagnosis), encoding="utf-8")
    whole = {"job": found, "diagnosis": diagnosis, "points": points, "messages": messages}
    out.with_suffix(".json").write_text(json.dumps(whole, ensure_ascii=False), encoding="utf-8")
    for finding in diagnosis["findings"]:
        typer.echo(f"{finding['verdict']}: {finding['reason']} {finding['advice']}")
    typer.echo(f"{out} and {out.with_suffix('.json')} hold the curves.")


@tune.command("compare")
def compare(
    base: Annotated[list[str], typer.Option(help="A base model; name two or more.")],
    training_set: Annotated[str, typer.Option("--set", help="Training set, NAME or NAME@2.")] = "",
    file: Annotated[str, typer.Option(help="Or the id of an uploaded training file.")] = "",
    epochs: Annotated[float | None, typer.Option(help="Rounds over the rows.", min=0.01)] = None,
    seed: Annotated[int, typer.Option(help="The same for all.")] = 0,
    price: Annotated[float, typer.Option(help="Of an hour of training.", min=0)] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Train base models on the same rows and show them side by side, before one is chosen."""
    from rich.console import Console
    from rich.progress import Progress

    from kb.files.folder import DataFolder
    from kb.settings import load_settings
    from tune.report.bases import COLUMNS, Point
    from tune.report.bases import compare as run

    settings = load_settings()
    folder = settings.tuning.models or DataFolder(settings.data_dir).tuning / "bases"
    rows = {"training_set": training_set} if training_set else {"training_file": file}
    chosen = {} if epochs is None else {"n_epochs": epochs}
    order = {**rows, "seed": seed, "hyperparameters": chosen}
    with connected() as client, Progress(console=Console(stderr=True)) as progress:

        def follow(name: str, job_id: str, tell: Callable[[Point], object]) -> dict[str, Any]:
            bar = progress.add_task(name, total=None)

            def told(event: Mapping[str, Any]) -> None:
                data = event["data"]
                tell(data)
                if "total_steps" in data:
                    progress.update(bar, total=data["total_steps"], completed=data["step"])

            return followed(client, job_id, told)

        found = run(client, base, order, folder=folder, follow=follow, price_an_hour=price)
    show(found, [" | ".join(COLUMNS), *(_line(row, COLUMNS) for row in found)], as_json=as_json)


def _line(row: Mapping[str, Any], columns: Sequence[str]) -> str:
    cells = (row[name] for name in columns)
    shown = (f"{cell:.3g}" if isinstance(cell, float) else cell for cell in cells)
    return " | ".join("–" if cell is None else str(cell) for cell in shown)
