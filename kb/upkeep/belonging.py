"""Whether the files of a data folder belong together, looked at before anything is changed.

The database and the file `.lock` both hold a stamp: a hash of the secret, and how often the folder
was opened. The database gets a new one first. So a database or a secret of another folder or from
before is told from what a crash leaves, and no file is given up because another does not know it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kb.errors import Rejected
from kb.files.folder import DataFolder
from kb.files.folder_originals import named
from kb.store.access.secrets import Secrets
from kb.store.engine import compaction
from kb.store.engine.sqlite import damage, marks

logger = logging.getLogger(__name__)

STAMP = "stamp"
_WAYS_ON = (
    "Put the right file back, or restore a backup into a new folder: `kb restore FILE --data-dir "
    "NEW`. To go on with what is here, start once with `kb serve --as-is`: originals that the "
    "database does not know are then kept in lost/."
)


@dataclass(frozen=True, slots=True)
class Stamp:
    """Whose file it is, and of when."""

    secret: str
    openings: int

    def __str__(self) -> str:
        return f"{self.secret} {self.openings}"


def check(folder: DataFolder, *, as_is: bool) -> Stamp:
    """Look at the files of a folder; returns the stamp that they shall get.

    Args:
        as_is: only warn, and go on with what is there.

    Raises:
        Rejected: they do not belong together, or one is missing that others need.
        DatabaseDamaged: the database cannot be read.
    """
    for copy in _whole_copies(folder.database):
        raise Rejected(
            f"The database {folder.database} is missing, and {copy.name} beside it is a whole copy "
            f"of it. To go on with that, remove {folder.database.name}-wal and rename the copy to "
            f"{folder.database.name}; else move the copy away."
        )
    noted = marks(folder.database)
    own, known = parsed(folder.stamp()), parsed(noted.get(STAMP))
    for problem in _problems(folder, own, known, is_used=bool(noted)):
        if not as_is:
            raise Rejected(f"{problem} {_WAYS_ON}")
        logger.warning("%s Going on with what is there.", problem)
    openings = max(each.openings if each else 0 for each in (own, known))
    return Stamp(Secrets.open(folder.secret).fingerprint, openings + 1)


def put(lock: IO[str], stamp: Stamp) -> None:
    """Write the stamp into the lock, after the database holds it."""
    lock.truncate(0)
    lock.write(str(stamp))
    lock.flush()
    os.fsync(lock.fileno())


def _whole_copies(path: Path) -> list[Path]:
    """Copies that compacting made of a file that is missing now, the newest first."""
    found = () if path.exists() else compaction.copies(path)
    return [each for each in found if each.is_file() and not damage(each) and marks(each)]


def _problems(
    folder: DataFolder, own: Stamp | None, known: Stamp | None, *, is_used: bool
) -> Iterator[str]:
    if not is_used:
        count = sum(1 for _ in named(folder.originals))
        if count or own:
            yield (
                f"The database {folder.database} is missing or empty, and the folder holds {count} "
                f"originals: without it no document, app, key and conversation is known."
            )
    elif not folder.secret.exists():
        yield (
            f"The file {folder.secret} is missing: without it no access key is accepted and no "
            f"provider key can be read."
        )
    elif known and known.secret != Secrets.open(folder.secret).fingerprint:
        yield (
            f"The database {folder.database} was not made with this {folder.secret.name}: one of "
            f"them is cut, or of another folder. With it no access key is accepted and no provider "
            f"key can be read."
        )
    elif own and known and own.secret != known.secret:
        yield f"The database {folder.database} is of another folder than its originals."
    elif own and (known is None or known.openings < own.openings):
        yield (
            f"The database {folder.database} is older than its folder: what was uploaded since is "
            f"not in it."
        )


def parsed(text: str | None) -> Stamp | None:
    """The stamp that was noted; None if there is none."""
    secret, _, openings = (text or "").strip().partition(" ")
    return Stamp(secret, int(openings)) if secret and openings.isdigit() else None
