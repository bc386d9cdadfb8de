"""`kb tune serve`: a small server of language models, for those that were trained here."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from cli.tune.app import tune
from kb.errors import Rejected
from kb.files.folder import DataFolder
from kb.settings import load_settings


@tune.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8100,
    key: Annotated[str, typer.Option(help="Ask requests for this bearer token.")] = "",
) -> None:
    """Answer in OpenAI's protocol by the base and tuned models of the data folder."""
    import uvicorn

    try:
        from tune.serve.app import create_app
        from tune.serve.engine import Engine, catalogue
    except ImportError as exc:
        raise Rejected(f"{exc.name!r} is missing: `make tune` installs what this needs.") from exc

    settings = load_settings()
    tuning = DataFolder(settings.data_dir).tuning.absolute()
    bases = settings.tuning.models or tuning / "bases"
    app = create_app(partial(catalogue, bases, tuning), Engine(bases), key)
    uvicorn.run(app, host=host, port=port, log_level="info", access_log=False)
