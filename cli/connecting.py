"""The server that a command talks to. What is heavy is imported when a command needs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from client.http import Client


@contextmanager
def connected(*, makes_folder: bool = False) -> Iterator[Client]:
    """The running server of this data folder, or one that is started for this command.

    Raises:
        Rejected: there is no data folder, and the command may not make one.
    """
    from client.http import Client
    from kb.files.folder import DataFolder
    from kb.files.running_server import running_server
    from kb.settings import load_settings

    settings = load_settings()
    with ExitStack() as stack:
        found = running_server(settings)
        if found is None and not makes_folder:
            DataFolder(settings.data_dir).check()
        if found is None:  # only then are the server's imports paid for
            from api.server import connection

            found = stack.enter_context(connection(settings))
        yield stack.enter_context(Client(*found))
