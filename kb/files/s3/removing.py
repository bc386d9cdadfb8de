"""Deletes the objects that no document needs any more, and the copies of them on this machine."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

from kb.background import Loop
from kb.files.s3.originals import BucketOriginals
from kb.iteration import batched
from kb.store.content import documents
from kb.store.engine.database import Database
from kb.store.upkeep import removals

logger = logging.getLogger(__name__)

POLL_S = 5.0
STRAYS_S = 86_400.0
"""Between two looks at all objects."""
FIRST_STRAYS_S = 3600.0
FORGET_S = 30.0
OVERLAP_S = 120.0
"""A deletion's time is taken before its transaction ends, and a copy may be fetched beside it."""


class Removing(Loop):
    """Deletes objects: the duty of one process of a cluster."""

    def __init__(
        self,
        database: Database,
        originals: BucketOriginals,
        put_away: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        """
        Args:
            put_away: looks for objects without rows; says what it did.
        """
        super().__init__("remove originals", self._round, database.wakeups, duty=database.duty)
        self._database = database
        self._originals = originals
        self._put_away = put_away
        self._strays_at = time.monotonic() + FIRST_STRAYS_S

    def settle(self) -> None:
        """Do at once what is due."""
        with self.paused():
            while not self._round():
                pass

    def _round(self) -> float:
        if time.monotonic() > self._strays_at:
            self._strays_at = time.monotonic() + STRAYS_S
            for done in self._put_away():
                logger.warning("%s", done)
        self._originals.check()  # what is begun in vain keeps out the same bytes for minutes
        begun = self._database.writing(removals.begin)
        if not begun:
            return POLL_S
        self._originals.delete(begun)
        self._database.writing(removals.end, [sha256 for sha256, _ in begun])
        return 0.0


class ForgettingCopies(Loop):
    """Deletes this machine's copies of what was deleted anywhere."""

    def __init__(self, database: Database, originals: BucketOriginals) -> None:
        super().__init__("forget copies", self._round, database.wakeups)
        self._database = database
        self._cache = originals.cache
        self._since: float | None = None

    def settle(self) -> None:
        """Do at once what is due."""
        self._round()

    def _round(self) -> float:
        since = self._since
        gone, now = self._database.reading(removals.ended, 0.0 if since is None else since)
        if since is None:  # what was deleted while this process did not run
            for part in batched(sorted(self._cache.names()), removals.AT_ONCE):
                with self._database.read() as tx:
                    gone += [each for each in part if not documents.needs_original(tx, each)]
        for sha256 in gone:
            self._cache.remove(sha256)
        self._since = now - OVERLAP_S
        return FORGET_S
