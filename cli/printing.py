"""What commands print: JSON for scripts, or lists as lines of a few columns."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from client.http import Client

Connect = Callable[[], "AbstractContextManager[Client]"]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def print_json(value: Any) -> None:
    """Print a value as JSON that people can read as well."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def add_quota(group: typer.Typer, connect: Connect, place: Callable[[Client, str], str]) -> None:
    """Add the command `quota` to `kb keys` or `kb datasets`; `place` finds what is named."""

    @group.command()
    def quota(
        name: Annotated[str, typer.Argument(help="A key's id; a dataset's name or id.")],
        limit: Annotated[
            list[str], typer.Argument(help="As documents=100; documents= ends it.")
        ] = [],  # noqa: B006
    ) -> None:
        """Show what may be kept and brought in, and what is; or set limits of it."""
        with connect() as client:
            path = place(client, name)
            found = client.get(path)
            if limit:
                client.send("PATCH", path, {"quota": {**found["quota"], **_limits(limit)}})
                found = client.get(path)
        print_json({each: found[each] for each in ("quota", "used")})


def _limits(given: list[str]) -> dict[str, int | None]:
    limits: dict[str, int | None] = {}
    for each in given:
        name, equals, number = each.partition("=")
        if not equals or not ((number.isascii() and number.isdigit()) or not number):
            raise typer.BadParameter(f"{each!r} is not NAME=NUMBER, as documents=100")
        limits[name] = int(number) if number else None
    return limits


def show_list(connect: Connect, path: str, columns: tuple[str, ...], *, as_json: bool) -> None:
    """Print every item of a list, whatever number of parts it comes in."""
    with connect() as client:
        items = list(client.every(path))
    if as_json:
        print_json(items)
        return
    for item in items:
        typer.echo("  ".join(str(item[column]) for column in columns))
