"""`kb tune serve` and `kb tune base`: talk to what was trained here, and a model to begin with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from cli.printing import print_json
from cli.tune.app import tune
from kb.errors import Rejected
from kb.files.folder import DataFolder
from kb.settings import load_settings


@tune.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8100,
) -> None:
    """Answer in OpenAI's protocol by the base and tuned models of the data folder."""
    import uvicorn

    with _explained():
        from tune.serve.app import create_app
        from tune.serve.engine import Engine, catalogue

    tuning, bases = _folders()
    key = load_settings().tuning.serve_key
    token = key.get_secret_value() if key else ""
    app = create_app(partial(catalogue, bases, tuning), Engine(bases), token)
    uvicorn.run(app, host=host, port=port, log_level="info", access_log=False)


@tune.command()
def base() -> None:
    """Make a base model, smollm2-135m, out of what `make tune` has fetched, unless it is there."""
    with _explained():
        from tune.trainers.bases import NAME, unpack

    print_json({"base": NAME, "folder": str(unpack(_folders()[1]))})


def _folders() -> tuple[Path, Path]:
    settings = load_settings()
    tuning = DataFolder(settings.data_dir).tuning.absolute()
    return tuning, settings.tuning.models or tuning / "bases"


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except ImportError as exc:
        raise Rejected(f"{exc.name!r} is missing: `make tune` installs what this needs.") from exc
