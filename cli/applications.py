"""Commands on apps: their list, the fine-tune switch of one, and its versions."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from cli.connecting import connected
from cli.printing import AsJson, print_json, show, show_list

Slug = Annotated[str, typer.Argument(help="Slug or id of an app.", metavar="APP")]
Number = Annotated[int, typer.Argument(help="Number of a version.")]

apps = typer.Typer(help="Chat applications.", no_args_is_help=True)


@apps.command("list")
def list_apps(as_json: AsJson = False) -> None:
    """Show the apps."""
    show_list("/v1/apps", ("slug", "name", "version"), as_json=as_json)


@apps.command()
def route(
    app: Slug,
    mode: Annotated[str, typer.Argument(help="base, tuned or split.")],
    percent: Annotated[int, typer.Option(help="Share of tuned in split mode.")] = 0,
) -> None:
    """Turn the switch between the base and the fine-tuned variant."""
    with connected() as client:
        path = f"/v1/apps/{app}/route"
        print_json(client.send("PUT", path, {"mode": mode, "percent": percent}))


@apps.command()
def versions(app: Slug, as_json: AsJson = False) -> None:
    """Show the published versions of an app, a star marks the one that answers."""
    with connected() as client:
        answering = client.get(f"/v1/apps/{app}")["version"]
        found = client.get(f"/v1/apps/{app}/versions")["data"]
    marks = {answering: "*"}
    lines = (f"{marks.get(n := v['version'], ' ')} {n}  {v['created_at']}" for v in found)
    show(found, lines, as_json=as_json)


@apps.command()
def compare(
    app: Slug,
    first: Number,
    second: Annotated[str, typer.Argument(help="Number of another version, or `draft`.")] = "draft",
    as_json: AsJson = False,
) -> None:
    """Show what differs between two versions, or between a version and the draft."""
    with connected() as client:
        query = {"from": first, "to": second}
        found = client.get(f"/v1/apps/{app}/versions/compare", **query)["differences"]
    show(found, map(_described, found), as_json=as_json)


@apps.command()
def rollback(app: Slug, version: Number) -> None:
    """Let an earlier version answer again."""
    with connected() as client:
        client.send("POST", f"/v1/apps/{app}/rollback", {"version": version})
    typer.echo(f"{app}: version {version} answers")


def _described(difference: dict[str, Any]) -> str:
    if "diff" in difference:
        return f"{difference['field']}:\n{difference['diff']}"
    before, after = (json.dumps(difference[side], ensure_ascii=False) for side in ("from", "to"))
    return f"{difference['field']}: {before} -> {after}"
