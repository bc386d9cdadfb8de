"""Commands that look after datasets: `kb reindex`, `kb erase`, and the generations of a dataset."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from cli.printing import AsJson, Connect, add_quota, print_json

Dataset = Annotated[str, typer.Argument(help="Name or id of a dataset.", metavar="DATASET")]


def add_to(app: typer.Typer, datasets: typer.Typer, connect: Connect) -> None:
    """Add the commands to `kb` and to `kb datasets`; `connect` opens a client for each."""
    _add_reindex(app, connect)
    _add_erase(app, connect)
    _add_generations(datasets, connect)
    add_quota(datasets, connect, lambda client, name: f"/v1/datasets/{client.dataset(name)['id']}")


def _add_reindex(app: typer.Typer, connect: Connect) -> None:
    @app.command()
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
        from cli.reindexing import reindex as begin
        from cli.reindexing import wait as wait_for

        with connect() as client:
            found = client.dataset(dataset)
            built = begin(client, found, embedder=embedder, clean=clean, split=split)
            if wait or switch:
                built = wait_for(client, built, _show_progress(as_json))
            is_whole = not built["failed"]
            if switch and is_whole:
                to = {"generation": built["generation"]}
                client.send("POST", f"/v1/datasets/{found['id']}/switch", to)
                built = {**built, "status": "live"}
        _show_built(built, as_json)
        if not is_whole:
            raise typer.Exit(1)


def _add_erase(app: typer.Typer, connect: Connect) -> None:
    @app.command()
    def erase(as_json: AsJson = False) -> None:
        """Erase now what is deleted from every file, without waiting for its time."""
        with connect() as client:
            done = client.send("POST", "/v1/erase")
        if as_json:
            print_json(done)
        else:
            typer.echo(f"documents erased: {done['erased']}, pending: {done['pending']}")
        if done["pending"]:
            raise typer.Exit(1)


def _add_generations(datasets: typer.Typer, connect: Connect) -> None:
    @datasets.command()
    def generations(dataset: Dataset, as_json: AsJson = False) -> None:
        """Show the generations of a dataset."""
        with connect() as client:
            found = client.dataset(dataset)
            listed = client.get(f"/v1/datasets/{found['id']}/generations")["data"]
        if as_json:
            print_json(listed)
            return
        for each in listed:
            typer.echo(_line(each))

    @datasets.command()
    def switch(
        dataset: Dataset, generation: Annotated[int, typer.Argument(help="Its number.")]
    ) -> None:
        """Let another generation of a dataset answer."""
        _changed(connect, dataset, "switch", {"generation": generation})

    @datasets.command()
    def rollback(dataset: Dataset) -> None:
        """Let the generation answer again that did before."""
        _changed(connect, dataset, "rollback", None)


def _changed(connect: Connect, dataset: str, what: str, body: dict[str, int] | None) -> None:
    with connect() as client:
        found = client.dataset(dataset)
        changed = client.send("POST", f"/v1/datasets/{found['id']}/{what}", body)
    typer.echo(f"{changed['name']}: generation {changed['generation']} answers")


def _show_progress(as_json: bool) -> Callable[[dict[str, Any]], None]:
    is_shown = not as_json and sys.stderr.isatty()

    def show(state: dict[str, Any]) -> None:
        if is_shown:
            done = state["documents"] - state["pending"]
            typer.echo(f"\r{done} of {state['documents']} documents", nl=False, err=True)

    return show


def _show_built(built: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(built)
        return
    typer.echo(_line(built))
    for item in built.get("failures", ()):
        error = item["error"]
        typer.echo(f"  {item['name']}: {error['detail']} ({error['code']})", err=True)


def _line(each: dict[str, Any]) -> str:
    counts = f"{each['ready']} of {each['documents']} documents, {each['chunks']} chunks"
    failed = f", {each['failed']} failed" if each["failed"] else ""
    return f"generation {each['generation']}: {each['status']}, {counts}{failed}"
