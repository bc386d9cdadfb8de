"""Which indexes may be used: those whose files are as they were closed, and not found damaged.

A seal is the digest of all files of a closed index, and only an index that still has its seal is
opened. So what was lost, cut, changed, swapped or copied back meanwhile is found before a library
reads it, which might crash the process, or find nothing without a sign of it. The seals are stored
when the process stops. After a kill the files of what was in use have moved on: those indexes are
*unchecked* until a child process has looked at them (`kb.upkeep.index_check`).

What is unchecked or damaged is not opened by anybody. A search asks SQL instead, index operations
wait, and `kb.upkeep.repairing` is told.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping

from kb.errors import Unavailable
from kb.protocols import IndexKey, IndexName

BROKEN = "broken"
"""The seal of an index that must be made anew: no digest is equal to it."""


class NotHeld(Unavailable):
    """This process has no copy of an index that may answer: the database does."""

    def __init__(self, key: IndexKey) -> None:
        super().__init__(
            f"The keyword index of dataset {key.dataset_id!r} is being copied to this process. The "
            "database answers meanwhile."
        )


class IndexHealth:
    """The seals of all indexes, and which are unchecked or damaged. Thread-safe."""

    def __init__(
        self,
        seals: Mapping[IndexName, str] | None = None,
        on_damage: Callable[[], None] = lambda: None,
    ) -> None:
        """
        Args:
            seals: those of closed indexes; without any, every index may be opened.
            on_damage: called when an index was found damaged; it must not wait.
        """
        self._are_sealed = seals is not None
        self._seals = dict(seals or {})
        self._on_damage = on_damage
        self._unchecked: set[IndexName] = set()
        self._damaged: set[IndexName] = set()
        self._turn = threading.Lock()

    def seals(self) -> dict[IndexName, str]:
        """The seal of each index that was ever made."""
        with self._turn:
            return dict(self._seals)

    def fits(self, name: IndexName, seal: str | None) -> bool:
        """Whether an index with this seal is the one that was closed; None: there is none."""
        with self._turn:
            return not self._are_sealed or self._seals.get(name) == seal

    def may_open(self, name: IndexName) -> bool:
        """Whether an index is neither unchecked nor damaged."""
        with self._turn:
            return name not in self._unchecked and name not in self._damaged

    def closed(self, name: IndexName, seal: str | None) -> None:
        """An index was closed. Without a seal, or if it is damaged, it must be made anew."""
        with self._turn:
            is_lost = seal is None or name in self._damaged
            self._seals[name] = BROKEN if is_lost or seal is None else seal

    def leave_unchecked(self, names: Iterable[IndexName]) -> None:
        """Nobody opens these indexes before they are trusted."""
        with self._turn:
            self._unchecked.update(names)

    def report_damage(self, name: IndexName) -> None:
        """An index was found damaged: nobody opens it before it is made anew."""
        with self._turn:
            self._seals[name] = BROKEN
            self._damaged.add(name)
            self._unchecked.discard(name)
        self._on_damage()

    def trust(self, name: IndexName, seal: str | None) -> None:
        """An index is whole as it lies there; without a seal there is none."""
        with self._turn:
            self._damaged.discard(name)
            self._unchecked.discard(name)
            self._seals.pop(name, None)
            if seal is not None:
                self._seals[name] = seal

    def unchecked(self) -> list[IndexName]:
        """The indexes that have yet to be looked at after a kill."""
        with self._turn:
            return sorted(self._unchecked)

    def damaged(self) -> list[IndexName]:
        """The indexes that have yet to be made anew."""
        with self._turn:
            return sorted(self._damaged)

    def is_checked(self) -> bool:
        """Whether nothing is unchecked."""
        return not self.unchecked()
