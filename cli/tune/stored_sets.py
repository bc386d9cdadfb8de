"""Training sets on the server: import a file, collect an app's answers, list, fetch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.connecting import connected
from cli.printing import AsJson, show
from cli.tune.app import tune
from cli.tune.sets import Columns, Seed, Separator, Source, Stop, Test, Valid, tell

if TYPE_CHECKING:
    from client.http import Client

SetName = Annotated[str, typer.Option("--set", help="Name of a set; made if it is missing.")]
Append = Annotated[bool, typer.Option(help="Behind the rows of the newest version, each once.")]
Note = Annotated[str, typer.Option(help="What this version is.")]


@tune.command("import")
def import_file(
    file: Source,
    into: SetName,
    column: Columns = [],  # noqa: B006
    separator: Separator = "",
    stop: Stop = "",
    append: Append = False,
    valid: Valid = 0.0,
    test: Test = 0.0,
    seed: Seed = 0,
    origin: Annotated[str, typer.Option(help="imported, generated and so on.")] = "imported",
    note: Note = "",
) -> None:
    """Make a file of rows, in any form, the next version of a set on the server."""
    said = {"append": append, "valid": valid, "test": test, "seed": seed, "note": note}
    read = {"separator": separator, "stop": stop, "origin": origin}
    columns = dict(each.partition("=")[::2] for each in column)
    options = json.dumps({**said, **read, "columns": columns})
    with connected() as client:
        path = f"/v1/tuning/sets/{set_or_new(client, into)}/versions"
        _show(into, client.send_file(path, file, {"options": options}))


@tune.command("collect")
def collect(
    app: Annotated[str, typer.Argument(help="Slug of an app.")],
    into: SetName,
    source: Annotated[
        list[str], typer.Option(help="fixed, better, approved or liked. Repeatable.")
    ] = [],  # noqa: B006
    append: Append = True,
    valid: Valid = 0.0,
    note: Note = "",
) -> None:
    """Make rows of an app's fixed answers, better answers, and those that were liked."""
    body = {"app": app, "append": append, "valid": valid, "note": note}
    with connected() as client:
        path = f"/v1/tuning/sets/{set_or_new(client, into)}/collect"
        _show(into, client.send("POST", path, body | ({"sources": source} if source else {})))


@tune.command("sets")
def list_sets(
    name: Annotated[str | None, typer.Argument(help="A set, for its versions.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the sets, or the versions of one."""
    with connected() as client:
        if name is None:
            found = list(client.every("/v1/tuning/sets"))
            lines = [f"{each['name']}  {each['versions']} versions" for each in found]
        else:
            found = list(client.every(f"/v1/tuning/sets/{name}/versions"))
            lines = [f"{name}@{v['number']}  {v['rows']} rows  {v['note']}" for v in found]
    show(found, lines, as_json=as_json)


@tune.command("fetch")
def fetch(
    name: Annotated[str, typer.Argument(help="As NAME or NAME@VERSION.")],
    out: Annotated[Path, typer.Option(help="The rows, as JSON Lines.")],
) -> None:
    """Write the rows of a version to a file, for the commands that work on files."""
    with connected() as client, out.open("wb") as target:
        client.download("GET", f"{version_path(client, name)}/export", target)
    typer.echo(f"{out}: {out.stat().st_size} bytes")


def set_or_new(client: Client, name: str) -> str:
    """The id of a set, made if it is missing."""
    for each in client.every("/v1/tuning/sets"):
        if each["name"] == name:
            return str(each["id"])
    return str(client.send("POST", "/v1/tuning/sets", {"name": name})["id"])


def version_path(client: Client, name: str) -> str:
    """The address of NAME@VERSION, of the newest version without a number."""
    name, _, number = name.partition("@")
    path = f"/v1/tuning/sets/{name}"
    if not (wanted := number or client.get(path)["versions"]):
        raise typer.BadParameter(f"the set {name!r} has no version yet: import a file first")
    return f"{path}/versions/{wanted}"


def _show(name: str, version: dict[str, Any]) -> None:
    from tune.types import Finding

    typer.echo(f"{name}@{version['number']}: {version['rows']} rows, {version['splits']}")
    tell(Finding(**found) for found in version["report"]["findings"])
