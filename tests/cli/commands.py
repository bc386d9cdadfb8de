"""The `kb` command in this process, against a server of a test."""

from __future__ import annotations

from click.testing import Result
from typer.testing import CliRunner

from cli.__main__ import app
from tests.api.serving import Served


def kb_command(served: Served, *arguments: str) -> Result:
    """Run one command on the data folder of a server, which it finds as it would any other."""
    served.kb.folder.announce(served.url)
    environment = {"KB_DATA_DIR": str(served.kb.folder.root)}
    return CliRunner(env=environment).invoke(app, arguments, catch_exceptions=False)
