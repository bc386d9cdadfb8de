"""Commands on one app: its fine-tune switch, and its versions shown, compared and restored."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from cli.printing import AsJson, Connect, print_json

Slug = Annotated[str, typer.Argument(help="Slug or id of an app.", metavar="APP")]
Number = Annotated[int, typer.Argument(help="Number of a version.")]


def add_to(apps: typer.Typer, connect: Connect) -> None:
    """Add the commands to `kb apps`; `connect` opens a client for each."""
    _add_route(apps, connect)
    _add_versions(apps, connect)


def _add_route(apps: typer.Typer, connect: Connect) -> None:
    @apps.command()
    def route(
        app: Slug,
        mode: Annotated[str, typer.Argument(help="base, tuned or split.")],
        percent: Annotated[int, typer.Option(help="Share of tuned in split mode.")] = 0,
    ) -> None:
        """Turn the switch between the base and the fine-tuned variant."""
        with connect() as client:
            path = f"/v1/apps/{app}/route"
            print_json(client.send("PUT", path, {"mode": mode, "percent": percent}))


def _add_versions(apps: typer.Typer, connect: Connect) -> None:
    @apps.command()
    def versions(app: Slug, as_json: AsJson = False) -> None:
        """Show the published versions of an app, a star marks the one that answers."""
        with connect() as client:
            answering = client.get(f"/v1/apps/{app}")["version"]
            found = client.get(f"/v1/apps/{app}/versions")["data"]
        if as_json:
            print_json(found)
            return
        for each in found:
            mark = "*" if each["version"] == answering else " "
            typer.echo(f"{mark} {each['version']}  {each['created_at']}")

    @apps.command()
    def compare(
        app: Slug,
        first: Number,
        second: Annotated[
            str, typer.Argument(help="Number of another version, or `draft`.")
        ] = "draft",
        as_json: AsJson = False,
    ) -> None:
        """Show what differs between two versions, or between a version and the draft."""
        with connect() as client:
            query = {"from": first, "to": second}
            found = client.get(f"/v1/apps/{app}/versions/compare", **query)["differences"]
        if as_json:
            print_json(found)
            return
        for each in found:
            typer.echo(_described(each))

    @apps.command()
    def rollback(app: Slug, version: Number) -> None:
        """Let an earlier version answer again."""
        with connect() as client:
            client.send("POST", f"/v1/apps/{app}/rollback", {"version": version})
        typer.echo(f"{app}: version {version} answers")


def _described(difference: dict[str, Any]) -> str:
    if "diff" in difference:
        return f"{difference['field']}:\n{difference['diff']}"
    before, after = (json.dumps(difference[side], ensure_ascii=False) for side in ("from", "to"))
    return f"{difference['field']}: {before} -> {after}"
