"""`kb backup`: receive a backup, put it on disk, and read it once more before it gets its name."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from client.http import Client
from kb.errors import Conflict, Rejected
from kb.files.originals import full_disk_reported
from kb.ids import now
from kb.upkeep.restoring import check


def backup(client: Client, target: Path) -> tuple[Path, dict[str, Any]]:
    """Store a backup of the server's data; returns where, and its manifest.

    Raises:
        Conflict: the file exists.
        Rejected: its folder does not exist, or what arrived is not whole.
        StorageFull: there is no room; nothing is left behind.
    """
    path = target / f"kb-{now()[:19].replace(':', '')}.tar" if target.is_dir() else target
    if path.exists():
        raise Conflict(f"The file {path} exists. Choose another name.")
    if not path.parent.is_dir():
        raise Rejected(f"There is no folder {str(path.parent)!r}. Make it, or name another.")
    part = path.with_name(f"{path.name}.part")
    try:
        with full_disk_reported():
            _receive(client, part)
        manifest = check(part)
        part.rename(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return path, asdict(manifest)


def _receive(client: Client, part: Path) -> None:
    part.unlink(missing_ok=True)  # of a command that was killed
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        client.download("POST", "/v1/backup", file)
        file.flush()
        os.fsync(file.fileno())
