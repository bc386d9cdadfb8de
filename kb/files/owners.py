"""Which processes work on the same data, so that nobody takes away what another one does.

Those of a data folder each hold the lock of a file with their name. The system gives it back when
the process ends, however it ends: an owner is dead exactly when its lock can be taken. Those of a
cluster are rows (`kb/store/work/processes.py`). What a dead one left behind is nobody's.
"""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import Protocol

from kb.ids import new_id


class Owner(Protocol):
    """This process among those that work on the same data, until it is closed."""

    @property
    def id(self) -> str:
        """What its claims and its unfinished files carry."""
        ...

    def living(self) -> set[str]:
        """The ids of all owners that are alive."""
        ...

    def close(self) -> None:
        """What this process still has in hand is free for others."""
        ...


class LockedOwner:
    """An owner among those that work on a folder."""

    def __init__(self, folder: Path) -> None:
        """
        Args:
            folder: where the files of all owners lie.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.id = new_id("owner")
        self._path = folder / self.id
        unlocked = folder / f".{self.id}"
        self._file = unlocked.open("w")
        fcntl.flock(self._file, fcntl.LOCK_EX)
        unlocked.rename(self._path)  # nobody sees it without its lock

    def living(self) -> set[str]:
        """The ids of all owners that are alive."""
        found = {self.id}
        for path in self._path.parent.glob("owner_*"):
            try:
                with path.open() as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink(missing_ok=True)
            except BlockingIOError:
                found.add(path.name)
            except FileNotFoundError:
                continue
        return found

    def close(self) -> None:
        """What this process still has in hand is free for others."""
        self._path.unlink(missing_ok=True)
        self._file.close()
