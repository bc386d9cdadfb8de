"""What commands print: JSON for scripts, or lines for people."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.connecting import connected

if TYPE_CHECKING:
    from client.http import Client

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Limits = Annotated[list[str], typer.Argument(help="As documents=100; documents= ends it.")]


def print_json(value: Any) -> None:
    """Print a value as JSON that people can read as well."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def show(value: Any, lines: Iterable[str], *, as_json: bool) -> None:
    """Print a value as JSON, or as these lines."""
    if as_json:
        print_json(value)
        return
    for line in lines:
        typer.echo(line)


def show_list(path: str, columns: tuple[str, ...], *, as_json: bool) -> None:
    """Print every item of a list, whatever number of parts it comes in."""
    with connected() as client:
        items = list(client.every(path))
    lines = ("  ".join(str(item[column]) for column in columns) for item in items)
    show(items, lines, as_json=as_json)


def show_quota(client: Client, path: str, limits: list[str]) -> None:
    """Set limits of what a key or dataset may keep and take, if any are given; print all."""
    found = client.get(path)
    if limits:
        client.send("PATCH", path, {"quota": {**found["quota"], **_parsed(limits)}})
        found = client.get(path)
    print_json({each: found[each] for each in ("quota", "used")})


def _parsed(given: list[str]) -> dict[str, int | None]:
    limits: dict[str, int | None] = {}
    for each in given:
        name, equals, number = each.partition("=")
        if not equals or not ((number.isascii() and number.isdigit()) or not number):
            raise typer.BadParameter(f"{each!r} is not NAME=NUMBER, as documents=100")
        limits[name] = int(number) if number else None
    return limits
