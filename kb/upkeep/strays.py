"""The originals on disk beside those that rows need, and what becomes of the others.

An original that no row knows is moved to `lost/` and never deleted: the rows may be what is lost.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from kb.files.folder import DataFolder
from kb.files.originals import Originals
from kb.iteration import batched
from kb.store.content import documents
from kb.store.engine.database import Database
from kb.store.upkeep import erasures

SETTLE_S = 0.3
LOOKS = 10
"""Whoever deletes a document removes its original next, when it is its turn to write: what seems a
stray is looked at again after some seconds, up to so many times."""
STRAYS_AT_ONCE = 500
"""Looked at in one transaction, as in `kb.knowledge_base.COLLECTED_AT_ONCE`."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise."""

    code: str
    detail: str


class Strays:
    """The originals of one data folder."""

    def __init__(self, database: Database, folder: DataFolder, originals: Originals) -> None:
        self.folder = folder
        self._database = database
        self._originals = originals

    @property
    def lost_in(self) -> str:
        """Where people find what was set aside."""
        return self._originals.lost_in

    def count_lost(self) -> int:
        """How much lies there."""
        return len(list(self._originals.lost()))

    def put_away(self) -> Iterator[str]:
        """Move the originals that no row needs to `lost/`, and back what is needed again.

        Those that a deletion left in a crash are removed. Says what was done.
        """
        yield from self._brought_back()
        strays = self._strays()
        if strays and self._database.integrity_problems():
            return
        pending = self._database.reading(erasures.pending)
        deleted = {name for each in pending for name in each.originals}
        for part in batched(strays, STRAYS_AT_ONCE):
            with self._database.write() as tx:
                unneeded = {name for name in part if not documents.needs_original(tx, name)}
                for name in unneeded & deleted:
                    self._originals.remove(tx, name)
                for name in unneeded - deleted:
                    self._originals.set_aside(tx, name)
            if count := len(unneeded - deleted):
                yield f"Moved {count} originals that no document needs to {self.lost_in}."
            if count := len(unneeded & deleted):
                yield f"Removed {count} originals of deleted documents."

    def _brought_back(self) -> Iterator[str]:
        needed = self._database.reading(documents.original_hashes)
        for name in self._originals.lost():
            if name not in needed or self._originals.has(name):
                continue
            with self._database.write() as tx:
                if documents.needs_original(tx, name):
                    self._originals.bring_back(tx, name)
                    yield f"Moved the original {name} back from {self.lost_in}."

    def problems(self) -> Iterator[Violation]:
        """Originals that are lost or have other bytes, and those that no row needs."""
        for name in sorted(self._database.reading(documents.original_hashes)):
            problem = self._original_problem(name)
            if problem is not None and self._database.reading(documents.needs_original, name):
                yield problem
        for name in sorted(self._lasting_strays()):
            with self._database.write() as tx:  # an upload in progress has added its rows by now
                is_stray = not documents.needs_original(tx, name)
            if is_stray:
                yield Violation("original_stray", f"No document needs the original {name}.")

    def _original_problem(self, name: str) -> Violation | None:
        try:
            is_whole = self._originals.digest(name) == name
        except OSError as exc:
            return Violation(
                "original_missing", f"The original {name} cannot be read: {exc.strerror}."
            )
        changed = Violation("original_changed", f"The original {name} has other bytes.")
        return None if is_whole else changed

    def _lasting_strays(self) -> set[str]:
        strays = set(self._strays())
        for _ in range(LOOKS):
            if not strays:
                break
            time.sleep(SETTLE_S)
            strays.intersection_update(self._strays())
        return strays

    def _strays(self) -> list[str]:
        held = set(self._originals.hashes())
        return sorted(held - self._database.reading(documents.original_hashes))
