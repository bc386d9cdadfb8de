"""The data folder: where each thing lies, and the lock that lets one process own it.

Embedded Chroma goes stale and returns deleted rows when two processes share a folder, without an
error. So a second opener is refused, and `kb` commands talk to the running server instead.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kb.errors import DataFolderLocked, Rejected

GLANCE_S = 0.1
"""A command that looks whether a server runs holds the lock for an instant; an owner waits."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs on a data folder."""

    url: str
    pid: int


class DataFolder:
    """The paths inside one data folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.database = root / "kb.db"
        self.originals = root / "originals"
        self.uploads = root / "uploads"
        self.owners = root / "owners"
        self.index = root / "index"
        self.models = root / "models"
        self.lost = root / "lost"
        self.tuning = root / "tuning"
        self.secret = root / "secret.key"
        self.admin_key = root / "admin.key"
        self._server = root / "server.json"
        self._lock = root / ".lock"

    def create(self) -> None:
        """Make the folder, readable only by its owner. Raises OSError where it cannot be used."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        folders = (self.originals, self.uploads, self.owners, self.index, self.models, self.lost)
        for each in (*folders, self.tuning):
            if os.path.lexists(each) and not each.is_dir():
                raise NotADirectoryError(f"{each} is a file, and a folder belongs there")
        for each in (self.database, self.secret, self.admin_key, self._server, self._lock):
            if each.is_dir():
                raise IsADirectoryError(f"{each} is a folder, and a file belongs there")

    def check(self) -> None:
        """Raises Rejected unless a knowledge base lies here, or what is left of one."""
        if not self.database.is_file() and not self.originals.is_dir():
            raise Rejected(
                f"There is no knowledge base in the folder {self.root.absolute()}. Set KB_DATA_DIR "
                f"to its folder; `kb serve` and `kb ingest` make a new one."
            )

    def lock(self) -> IO[str]:
        """Own the folder until the returned file is closed.

        Raises:
            DataFolderLocked: another process owns it.
            Rejected: it cannot be made or written.
        """
        try:
            self.create()
            file = self._lock.open("a+")
        except OSError as exc:
            raise Rejected(
                f"The data folder {self.root} cannot be used: {exc.strerror or exc}. Choose "
                f"another with KB_DATA_DIR."
            ) from exc
        if not _locked(file):
            file.close()
            raise DataFolderLocked(self._locked_message())
        self.withdraw()  # what a killed server announced
        return file

    def stamp(self) -> str:
        """What the last owner wrote into the lock; empty if nothing."""
        return self._lock.read_text(encoding="ascii", errors="replace")

    def announce(self, url: str) -> None:
        """Say where the server of this folder listens."""
        temporary = self._server.with_suffix(".new")
        temporary.write_text(json.dumps({"url": url, "pid": os.getpid()}), encoding="ascii")
        temporary.replace(self._server)

    def withdraw(self) -> None:
        """The server is going away."""
        self._server.unlink(missing_ok=True)

    def server(self) -> Server | None:
        """The server that runs on this folder, if there is one.

        The lock decides and not the process number, which may belong to another by now.
        """
        if not self._is_owned():
            return None
        try:
            found = Server(**json.loads(self._server.read_text(encoding="ascii")))
            return found if found.pid > 0 and isinstance(found.url, str) else None
        except (OSError, ValueError, TypeError):
            return None

    def _is_owned(self) -> bool:
        try:
            with self._lock.open() as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def _locked_message(self) -> str:
        server = self.server()
        where = f" (a server at {server.url}, process {server.pid})" if server else ""
        return (
            f"Another process already uses the data folder {self.root}{where}. "
            f"Stop it, or choose another folder with KB_DATA_DIR."
        )


def _locked(file: IO[str]) -> bool:
    deadline = time.monotonic() + GLANCE_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
