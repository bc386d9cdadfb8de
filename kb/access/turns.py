"""Whose turn it is: one at a time under a name, in this process or in all of a cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

import anyio

from kb.files.owners import Owner
from kb.store.access import counters
from kb.store.engine.database import Database
from kb.threads import in_thread

FIRST_LOOK_S = 0.02
"""After which it is looked again whether another process has finished, then after twice as long."""
LOOK_S = 0.5


class Turns:
    """Gives turns. Who waits in this process is served in order; processes get it as they come."""

    def __init__(self, database: Database | None = None, owner: Owner | None = None) -> None:
        """
        Args:
            database: where the other processes look; None if there is none.
            owner: this process among them.
        """
        self._database = database
        self._owner = owner
        self._locks: WeakValueDictionary[str, anyio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, *names: str | None) -> AsyncIterator[None]:
        """Be the only one under a name, whose parts are given."""
        name = "|".join("" if part is None else part.replace("|", "||") for part in names)
        async with self._locks.setdefault(name, anyio.Lock()):
            if self._database is None or self._owner is None:
                yield
                return
            wait_s = FIRST_LOOK_S
            while not await in_thread(self._take, self._database, self._owner, name):
                await anyio.sleep(wait_s)
                wait_s = min(2 * wait_s, LOOK_S)
            try:
                yield
            finally:
                with anyio.CancelScope(shield=True):
                    await in_thread(self._give_back, self._database, self._owner, name)

    def _take(self, database: Database, owner: Owner, name: str) -> bool:
        with database.write_beside() as tx:
            return counters.take_turn(tx, name, owner.id, owner.living)

    def _give_back(self, database: Database, owner: Owner, name: str) -> None:
        with database.write_beside() as tx:
            counters.give_back_turn(tx, name, owner.id)
