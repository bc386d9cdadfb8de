"""The `kb` command in this process, against a server of a test."""

from __future__ import annotations

from click.testing import Result
from typer.testing import CliRunner

from cli.__main__ import app
from tests.api.serving import Served
from tests.kits import kit_environment


def kb_command(served: Served, *arguments: str, typed: str | None = None) -> Result:
    """Run one command on the data folder of a server, which it finds as it would any other."""
    folder = served.kb.folder
    folder.announce(served.url)
    runner = CliRunner(env={"KB_DATA_DIR": str(folder.root), **kit_environment(folder.root)})
    return runner.invoke(app, arguments, input=typed, catch_exceptions=False)
