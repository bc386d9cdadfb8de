"""Finding the server that runs on a data folder, without importing one: a command starts fast."""

from __future__ import annotations

from kb.errors import Rejected
from kb.files.folder import DataFolder
from kb.settings import Settings


def running_server(settings: Settings) -> tuple[str, str] | None:
    """Address and admin key of the server of this data folder; None if none is running.

    Raises:
        Rejected: it was started with an admin key that is not known here.
    """
    folder = DataFolder(settings.data_dir)
    server = folder.server()
    return None if server is None else (server.url, _admin_key(settings, folder))


def _admin_key(settings: Settings, folder: DataFolder) -> str:
    if settings.admin_key is not None:
        return settings.admin_key.get_secret_value()
    try:
        return folder.admin_key.read_text(encoding="ascii").strip()
    except FileNotFoundError as exc:
        raise Rejected(
            "The running server was started with a key of its own. Set KB_ADMIN_KEY to it."
        ) from exc
