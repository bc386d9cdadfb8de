"""`kb tune publish` and `kb tune rollout`: from a tuned model to the answers of an app."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.connecting import connected
from cli.printing import print_json
from cli.tune.app import tune

Report = Annotated[Path | None, typer.Option(help="JSON report of an evaluation.", exists=True)]


@tune.command()
def publish(
    model: Annotated[str, typer.Argument(help="Name of a tuned model.")],
    app: Annotated[str, typer.Option(help="Slug or id of the app.")],
    base_url: Annotated[str, typer.Option(help="Where it is served, up to /v1.")] = "",
    serving: Annotated[str, typer.Option(help="citewell, vllm, ollama or llama.cpp.")] = "",
    base: Annotated[str, typer.Option(help="What that server calls the base model.")] = "",
    load: Annotated[bool, typer.Option(help="Let that server load it now.")] = False,
    prompt: Annotated[str, typer.Option(help="Its hidden prompt.")] = "",
    report: Report = None,
) -> None:
    """Attach a tuned model to an app as its tuned variant, and show what that changes."""
    given = {"base_url": base_url, "serving": serving, "base": base, "prompt": prompt}
    body: dict[str, Any] = {name: value for name, value in given.items() if value}
    body |= {"app": app, "load": load} | _report(report)
    with connected() as client:
        print_json(client.send("POST", f"/v1/tuning/models/{model}/publish", body))


@tune.command()
def rollout(
    app: Annotated[str, typer.Argument(help="Slug or id of an app.")],
    stage: Annotated[str, typer.Option(help="shadow, canary, returned or stopped.")] = "",
    report: Report = None,
    override: Annotated[str, typer.Option(help="Why it begins although a gate is shut.")] = "",
) -> None:
    """Show how a tuned variant is rolled out; with --stage, begin it or end it."""
    path = f"/v1/apps/{app}/rollout"
    with connected() as client:
        body = {"stage": stage, "override": override} | _report(report)
        print_json(client.send("PUT", path, body) if stage else client.get(path))


def _report(path: Path | None) -> dict[str, Any]:
    return {} if path is None else {"report": json.loads(path.read_text("utf-8"))}
