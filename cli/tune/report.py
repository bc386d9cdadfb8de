"""`kb tune report` and the blind sheet: whether tuning pays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from cli.connecting import connected
from cli.tune.app import tune


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
    from tune.report.running import run

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
