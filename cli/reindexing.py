"""`kb reindex`: build a dataset's next generation, wait for it, switch to it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.connecting import connected
from cli.datasets import Dataset, generation_line
from cli.printing import AsJson, show
from kb.errors import Rejected

if TYPE_CHECKING:
    from client.http import Client

LOOK_S = 0.5


def reindex(
    dataset: Dataset,
    embedder: Annotated[
        str | None, typer.Option(help="Embedding model; the configured one if not given.")
    ] = None,
    clean: Annotated[list[str], typer.Option(help="A cleaning rule, RULE=on or off.")] = [],  # noqa: B006
    split: Annotated[list[str], typer.Option(help="A splitting option, NAME=VALUE.")] = [],  # noqa: B006
    switch: Annotated[
        bool, typer.Option("--switch", help="Wait, and let it answer if nothing failed.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it is built.")] = False,
    as_json: AsJson = False,
) -> None:
    """Build a dataset's next generation beside the one that answers."""
    with connected() as client:
        found = client.dataset(dataset)
        path = f"/v1/datasets/{found['id']}"
        body = {"processing": _processing(found["processing"], clean, split), "embedder": embedder}
        built = client.send("POST", f"{path}/reindex", body)
        if wait or switch:
            place = f"{path}/generations/{built['generation']}"
            built = _built(client, place, is_shown=not as_json and sys.stderr.isatty())
        is_whole = not built["failed"]
        if switch and is_whole:
            client.send("POST", f"{path}/switch", {"generation": built["generation"]})
            built = {**built, "status": "live"}
    show(built, [generation_line(built)], as_json=as_json)
    for item in () if as_json else built.get("failures", ()):
        error = item["error"]
        typer.echo(f"  {item['name']}: {error['detail']} ({error['code']})", err=True)
    if not is_whole:
        raise typer.Exit(1)


def _processing(now: dict[str, Any], clean: Sequence[str], split: Sequence[str]) -> dict[str, Any]:
    """How the next generation is made; if the mode changes, the other options of splitting begin
    at their defaults. Raises Rejected."""
    rules = {name: _switch(name, value) for name, value in map(_pair, clean)}
    options = {name: _value(value) for name, value in map(_pair, split)}
    before = {} if "mode" in options else now["split"]
    return {**now, "clean": {**now["clean"], **rules}, "split": {**before, **options}}


def _built(client: Client, path: str, *, is_shown: bool) -> dict[str, Any]:
    while True:
        found: dict[str, Any] = client.get(path)
        if is_shown:
            done = found["documents"] - found["pending"]
            typer.echo(f"\r{done} of {found['documents']} documents", nl=False, err=True)
        if found["status"] != "building":
            return found
        time.sleep(LOOK_S)


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise Rejected(f"{text!r} is not a setting. Write it as name=value.")
    return name.strip(), value.strip()


def _switch(name: str, value: str) -> bool:
    known = {"on": True, "true": True, "off": False, "false": False}
    if value not in known:
        raise Rejected(f"The rule {name!r} is switched with {name}=on or {name}=off.")
    return known[value]


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
