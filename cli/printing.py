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


def show_list(connect: Connect, path: str, columns: tuple[str, ...], *, as_json: bool) -> None:
    """Print every item of a list, whatever number of parts it comes in."""
    with connect() as client:
        items = list(client.every(path))
    if as_json:
        print_json(items)
        return
    for item in items:
        typer.echo("  ".join(str(item[column]) for column in columns))
