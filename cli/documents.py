"""What is said of documents on the command line, and `kb documents`, which changes it for many."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.connecting import connected
from cli.printing import AsJson, show

if TYPE_CHECKING:
    from client.http import Client

Names = Annotated[list[str] | None, typer.Argument(help="Names or ids.", metavar="DOCUMENT...")]

Metadata = Annotated[str | None, typer.Option(help='A JSON object, for example {"year": 2026}.')]
LabelNames = Annotated[
    str | None, typer.Option("--labels", help="Only who carries one sees it: hr,board.")
]
ValidFrom = Annotated[str | None, typer.Option(help="The first day on which it answers.")]
ValidUntil = Annotated[str | None, typer.Option(help="The last day on which it answers, in UTC.")]
IsOn = Annotated[bool | None, typer.Option("--on/--off", help="Whether it answers.")]

documents = typer.Typer(help="Documents of a dataset.", no_args_is_help=True)


@documents.callback()
def group() -> None:
    """Keeps `set` a command of its own."""


@documents.command("set")
def set_documents(
    dataset: Annotated[str, typer.Option(help="Name or id of the dataset.")],
    names: Names = None,
    where: Annotated[str | None, typer.Option("--filter", help="As of a search, JSON.")] = None,
    status: Annotated[str | None, typer.Option(help="All of this status.")] = None,
    q: Annotated[str | None, typer.Option(help="All with this in their names.")] = None,
    metadata: Metadata = None,
    labels: LabelNames = None,
    valid_from: ValidFrom = None,
    valid_until: ValidUntil = None,
    is_on: IsOn = None,
    as_json: AsJson = False,
) -> None:
    """Change metadata, labels and days of documents, or switch them; "" takes them away."""
    change = _as_json(given(metadata, labels, valid_from, valid_until, is_on))
    chosen = {"filter": _parsed(where or "{}"), "status": status, "q": q}
    with connected() as client:
        path = f"/v1/datasets/{client.dataset(dataset)['id']}/documents"
        if names:
            chosen |= {"document_ids": _ids(client, path, names)}
        report = client.send("PATCH", path, {**chosen, **change})
    line = f"{len(report['changed'])} changed, {len(report['unchanged'])} unchanged"
    show(report, [line], as_json=as_json)
    wrong = [(name, "There is no such document.") for name in report["not_found"]]
    wrong += [(item["document_id"], item["detail"]) for item in report["refused"]]
    for name, detail in () if as_json else wrong:
        typer.echo(f"  {name}: {detail}", err=True)
    if wrong:
        raise typer.Exit(1)


def given(
    metadata: str | None,
    labels: str | None,
    valid_from: str | None,
    valid_until: str | None,
    is_on: bool | None,
) -> dict[str, str]:
    """What was said, as the query of an upload has it."""
    said = {"metadata": metadata, "labels": labels}
    said |= {"valid_from": valid_from, "valid_until": valid_until}
    said |= {"enabled": None if is_on is None else str(is_on).lower()}
    return {name: value for name, value in said.items() if value is not None}


def _as_json(options: dict[str, str]) -> dict[str, Any]:
    change: dict[str, Any] = {name: value or None for name, value in options.items()}
    read = {"metadata": _parsed, "labels": lambda text: text.split(","), "enabled": "true".__eq__}
    return change | {name: read[name](change[name]) for name in read if change.get(name)}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as exc:
        raise typer.BadParameter(f"{text!r} is not valid JSON.") from exc


def _ids(client: Client, path: str, names: Sequence[str]) -> list[str]:
    """The ids of documents; what no document is named is taken for an id."""
    return [
        next((each["id"] for each in client.every(path, q=name) if each["name"] == name), name)
        for name in names
    ]
