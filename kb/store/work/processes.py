"""The processes of a cluster: each is a row with the time of its last heartbeat.

Only the database's clock is looked at, so it does not matter what the clocks of machines say. A
process that is thought dead and was only cut off comes back as if nothing had happened: what was
taken from it meanwhile, its claims' tokens tell.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path

from sqlalchemy import delete, select

from kb.background import Loop
from kb.files.owners import LockedOwner
from kb.store.engine import dialect, schema
from kb.store.engine.database import Database, Transaction
from kb.store.work import jobs

logger = logging.getLogger(__name__)

table = schema.processes

BEAT_S = 5.0
DEAD_S = 30.0
"""Silence after which a process is dead: several heartbeats may be late or lost."""


class ProcessOwner(Loop):
    """This process among those of a cluster; it also takes up what dead ones have left."""

    def __init__(self, database: Database, folder: Path) -> None:
        """
        Args:
            folder: part of the data folder. Whoever used it before is dead, without a wait.
        """
        super().__init__("beat", self.notice, database.wakeups, is_patient=False)
        before = {path.name for path in folder.glob("owner_*")}
        self._lock = LockedOwner(folder)
        self.id = self._lock.id
        self._database = database
        with database.write_beside() as tx:
            _forget(tx, before - self._lock.living())
        self.notice()
        self.start()

    def living(self) -> set[str]:
        """The ids of all processes that are alive."""
        return {self.id, *self._database.reading(living)}

    def close(self) -> None:
        """What this process still has in hand is free for others."""
        self.stop()
        with self._database.write_beside() as tx:
            _forget(tx, [self.id])
            jobs.requeue_left(tx, living(tx))
        self._lock.close()

    def notice(self) -> float:
        """Say that this process is alive, and look which are not; returns when to do it again."""
        with self._database.write_beside() as tx:
            moment = dialect.now(tx)
            dialect.upsert(tx, table, {"id": self.id, "beat": moment}, replace=["beat"])
            tx.execute(delete(table).where(table.c.beat < moment - DEAD_S))
            requeued = jobs.requeue_left(tx, living(tx))
        if requeued:
            logger.warning("%d jobs were in the hands of a process that is dead", requeued)
        return BEAT_S


def _forget(tx: Transaction, ids: Collection[str]) -> None:
    tx.execute(delete(table).where(dialect.among(table.c.id, ids)))


def living(tx: Transaction) -> set[str]:
    """The ids of those that were heard of lately."""
    query = select(table.c.id).where(table.c.beat > dialect.now(tx) - DEAD_S)
    return set(tx.execute(query).scalars())
