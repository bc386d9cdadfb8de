"""Commands on datasets: their list, their quotas and their generations."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli.connecting import connected
from cli.printing import AsJson, Limits, show, show_list, show_quota

Dataset = Annotated[str, typer.Argument(help="Name or id of a dataset.", metavar="DATASET")]

datasets = typer.Typer(help="Sets of documents.", no_args_is_help=True)


@datasets.command("list")
def list_datasets(as_json: AsJson = False) -> None:
    """Show the datasets."""
    show_list("/v1/datasets", ("id", "name"), as_json=as_json)


@datasets.command()
def quota(dataset: Dataset, limit: Limits = []) -> None:  # noqa: B006
    """Show what may be kept and brought in, and what is; or set limits of it."""
    with connected() as client:
        show_quota(client, f"/v1/datasets/{client.dataset(dataset)['id']}", limit)


@datasets.command()
def generations(dataset: Dataset, as_json: AsJson = False) -> None:
    """Show the generations of a dataset."""
    with connected() as client:
        found = client.dataset(dataset)
        listed = client.get(f"/v1/datasets/{found['id']}/generations")["data"]
    show(listed, map(generation_line, listed), as_json=as_json)


@datasets.command()
def switch(
    dataset: Dataset, generation: Annotated[int, typer.Argument(help="Its number.")]
) -> None:
    """Let another generation of a dataset answer."""
    _changed(dataset, "switch", {"generation": generation})


@datasets.command()
def rollback(dataset: Dataset) -> None:
    """Let the generation answer again that did before."""
    _changed(dataset, "rollback", None)


def _changed(dataset: str, what: str, body: dict[str, int] | None) -> None:
    with connected() as client:
        found = client.dataset(dataset)
        changed = client.send("POST", f"/v1/datasets/{found['id']}/{what}", body)
    typer.echo(f"{changed['name']}: generation {changed['generation']} answers")


def generation_line(each: dict[str, Any]) -> str:
    """A generation and how far it has come, on one line."""
    counts = f"{each['ready']} of {each['documents']} documents, {each['chunks']} chunks"
    failed = f", {each['failed']} failed" if each["failed"] else ""
    return f"generation {each['generation']}: {each['status']}, {counts}{failed}"
