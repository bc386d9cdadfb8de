"""The `kb` command. It may import everything; servers and models where a command needs them."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from cli.access_keys import keys, usage
from cli.applications import apps, models
from cli.asking import ask
from cli.connecting import connected
from cli.datasets import datasets
from cli.documents import documents
from cli.evaluations import evaluations
from cli.importing import imports
from cli.ingesting import ingest
from cli.printing import AsJson, print_json, show
from cli.reindexing import reindex
from cli.tune.commands import tune
from cli.upkeep.moving import move
from client.errors import ClientError
from kb.errors import KnowledgeBaseError

app = typer.Typer(
    help="A knowledge base that answers from your documents.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(datasets, name="datasets")
app.add_typer(documents, name="documents")
app.add_typer(keys, name="keys")
app.add_typer(apps, name="apps")
app.add_typer(models, name="models")
app.add_typer(evaluations, name="eval")
app.add_typer(imports, name="import")
app.add_typer(tune, name="tune")
app.command()(ingest)
app.command()(ask)
app.command()(reindex)
app.command()(usage)
app.command()(move)


def _show_version(is_asked: bool) -> None:
    if is_asked:
        from kb.version import DISTRIBUTION, version

        typer.echo(f"{DISTRIBUTION} {version()}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    """What may stand before a command."""


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Add the demo knowledge base.")] = False,
    as_is: Annotated[
        bool, typer.Option("--as-is", help="Start though files of the data folder are missing.")
    ] = False,
    ingest: Annotated[
        bool, typer.Option("--ingest/--no-ingest", help="Index here, or only in `kb worker`.")
    ] = True,
) -> None:
    """Start the server: API, console and ingest workers in one process."""
    gc.disable()  # imports make no garbage; `serve` turns it on again
    from api.server import serve as run
    from kb.settings import load_settings

    settings = load_settings()
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    server = settings.server.model_copy(update=given)
    run(settings.model_copy(update={"server": server}), demo=demo, as_is=as_is, ingests=ingest)


@app.command()
def worker(
    engine: Annotated[
        Literal["local", "ray"],
        typer.Option(help="Read and embed on this machine, or on a cluster of Ray."),
    ] = "local",
    port: Annotated[
        int | None, typer.Option(help="Answer /healthz, /readyz and /metrics there; 0: a free one.")
    ] = None,
) -> None:
    """Index documents and train models without serving: on machines beside `kb serve`."""
    from api.working import work
    from kb.settings import load_settings

    work(load_settings(), engine, port)


@app.command()
def fsck(
    repair: Annotated[bool, typer.Option("--repair", help="Rebuild what is derived.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check every invariant: rows, originals, keywords, vectors."""
    with connected() as client:
        report = client.send("POST", "/v1/fsck", repair=repair)
    if as_json:
        print_json(report)
    else:
        for line in report["repaired"]:
            typer.echo(line)
        for violation in report["violations"]:
            typer.echo(f"{violation['code']}: {violation['detail']}", err=True)
        state = "clean" if report["clean"] else f"{len(report['violations'])} violations"
        typer.echo(f"{report['documents']} documents, {report['chunks']} chunks: {state}")
        for line in report["advice"]:
            typer.echo(line, err=True)
    if not report["clean"]:
        raise typer.Exit(1)


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(help="A new file, or a folder.", metavar="FILE|DIR")],
    as_json: AsJson = False,
) -> None:
    """Copy everything that cannot be made again into one tar, while the server runs."""
    from cli.upkeep.backing_up import backup as run
    from kb.settings import load_settings

    with connected() as client:
        path, manifest = run(client, target)
    if not manifest["originals"] and not manifest["missing"]:
        folder = load_settings().data_dir.absolute()
        warning = f"the backup holds no documents: see whether {folder} is the right folder"
        typer.echo(f"kb: {warning} (KB_DATA_DIR)", err=True)
    if as_json:
        print_json({"path": str(path), **manifest})
        return
    typer.echo(f"{path}: {path.stat().st_size} bytes, {manifest['originals']} originals")
    for name in manifest["missing"]:
        typer.echo(f"  the original {name} was lost before this backup", err=True)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A backup.", metavar="FILE")],
    data_dir: Annotated[Path | None, typer.Option(help="An empty or new folder.")] = None,
) -> None:
    """Make a data folder of a backup; the first start on it makes the indexes."""
    from kb.files.folder import DataFolder
    from kb.settings import load_settings
    from kb.upkeep.restoring import restore as run

    folder = DataFolder(data_dir or load_settings().data_dir)
    manifest = run(file, folder)
    typer.echo(f"{folder.root} is as it was at {manifest.created_at}. Start it with kb serve.")


@app.command()
def preview(
    path: Annotated[Path, typer.Argument(help="A file.", metavar="FILE")],
    dataset: Annotated[str | None, typer.Option(help="Dataset whose processing is used.")] = None,
    processing: Annotated[str | None, typer.Option(help="Processing to try, as JSON.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what cleaning and splitting would do to a file; nothing is stored."""
    from rich.console import Console

    from cli.previewing import preview as run
    from cli.previewing import show_preview

    with connected() as client:
        found = run(client, path, dataset=dataset, processing=processing)
    if as_json:
        print_json(found)
    else:
        show_preview(found, Console())
    if found["error"] is not None:
        raise typer.Exit(1)


@app.command()
def receipt(document_id: str, as_json: AsJson = False) -> None:
    """Show what became of every character of a document."""
    from rich.console import Console

    from cli.receipts import receipt as run
    from cli.receipts import show_receipt

    with connected() as client:
        found = run(client, document_id)
    if as_json:
        print_json(found["receipt"])
    else:
        show_receipt(found["receipt"], Console(), found["name"])


@app.command()
def erase(as_json: AsJson = False) -> None:
    """Erase now what is deleted from every file, without waiting for its time."""
    with connected() as client:
        done = client.send("POST", "/v1/erase")
    line = f"documents erased: {done['erased']}, pending: {done['pending']}"
    show(done, [line], as_json=as_json)
    if done["pending"]:
        raise typer.Exit(1)


def main() -> NoReturn:
    """Run the command; a known error is one line and exit status 1."""
    try:
        app()
    except (KnowledgeBaseError, ClientError) as exc:
        typer.echo(f"kb: {exc.detail}", err=True)
        sys.exit(1)
    sys.exit(0)


if __name__ == "__main__":
    main()
