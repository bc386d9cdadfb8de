"""`kb move`: from the data folder to the servers of several processes, and back."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.printing import AsJson, print_json
from kb.errors import Rejected


def move(
    to: Annotated[str | None, typer.Option("--to", help="A Postgres database.")] = None,
    back: Annotated[str | None, typer.Option("--from", help="The same, to move back.")] = None,
    originals: Annotated[
        str | None, typer.Option(help="s3://bucket/prefix; unset, KB_BLOBS__URL.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Move everything from KB_DATA_DIR to servers, or from servers into it. Nothing may run."""
    from dataclasses import asdict

    from kb.opening.moving import to_folder, to_servers
    from kb.settings import load_settings

    settings = load_settings()
    bucket = originals or settings.blobs.url
    if (url := to or back) is None or (to and back):
        raise Rejected("Say `--to URL` to move to servers, or `--from URL` to move back.")
    if bucket is None:
        raise Rejected("Say where the originals lie: `--originals s3://bucket/prefix`.")
    moved = (to_servers if to else to_folder)(settings, url, bucket, _show)
    if as_json:
        print_json(asdict(moved))
        return
    typer.echo(f"{moved.rows} rows and {moved.originals} originals are in the new place.")
    for sha256 in moved.missing:
        typer.echo(f"  the original {sha256} was lost or damaged before", err=True)
    for detail in moved.wrong:
        typer.echo(f"  as before: {detail}", err=True)


def _show(what: str, done: int, whole: int) -> None:
    typer.echo(f"{what}: {done} of {whole}", err=True)
