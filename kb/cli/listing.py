"""Lists of the API as lines of a few columns, or as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from kb.cli.client import Client

Connect = Callable[[], "AbstractContextManager[Client]"]


def show(connect: Connect, path: str, columns: tuple[str, ...], *, as_json: bool) -> None:
    """Print every item of a list, whatever number of parts it comes in."""
    with connect() as client:
        items = list(client.every(path))
    if as_json:
        typer.echo(json.dumps(items, ensure_ascii=False, indent=2))
        return
    for item in items:
        typer.echo("  ".join(str(item[column]) for column in columns))
