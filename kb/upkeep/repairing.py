"""Makes damaged indexes anew, and checks what a killed process left open.

This goes on beside the running server, which answers from SQL meanwhile (`kb.search.fallback`). A
report of damage is believed, whoever brings it: the index is rebuilt, one at a time.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

from kb.background import Loop
from kb.errors import DatabaseDamaged, NotFound, Unavailable
from kb.index.applier import Applier
from kb.index.folders import index_path, seal_of
from kb.index.health import IndexHealth
from kb.protocols import KINDS, IndexKey, IndexName
from kb.store.engine.database import Database
from kb.upkeep.index_check import checked
from kb.upkeep.strays import Strays

logger = logging.getLogger(__name__)

LEAST_PAUSE_S = 60.0
"""Between two rebuilds of one index: what damages it again and again may not take all the time."""
POLL_S = 5.0


class Repairing(Loop):
    """The repairs of one data folder, in a thread of its own."""

    def __init__(
        self,
        database: Database,
        applier: Applier,
        health: IndexHealth,
        strays: Strays,
        *,
        is_mended: Callable[[IndexName], bool] = lambda name: False,
        least_pause_s: float = LEAST_PAUSE_S,
    ) -> None:
        """
        Args:
            is_mended: whether another process has made a damaged index anew.
        """
        super().__init__("repair", self._round, database.wakeups, is_patient=False)
        self._folder = strays.folder
        self._database = database
        self._applier = applier
        self._health = health
        self._strays = strays
        self._is_mended = is_mended
        self._is_after_kill = False
        self._least_pause_s = least_pause_s
        self._rebuilt_at: dict[IndexName, float] = {}

    def expect_leftovers(self, keys: Iterable[IndexKey]) -> None:
        """The last process was killed: nothing opens its indexes before they are looked at."""
        self._health.leave_unchecked(IndexName(kind, key) for key in keys for kind in KINDS)
        self._is_after_kill = True

    def start(self) -> None:
        """Begin; what was lost as a whole is known before anybody asks."""
        for name in self._health.seals():
            if not index_path(self._folder.index, name).is_dir():
                self._health.report_damage(name)
        super().start()

    def settle(self) -> None:
        """Do at once what is due, or wait until it is done."""
        with self.paused():
            self._round()

    def _round(self) -> float:
        if self._is_after_kill:
            self._is_after_kill = False
            self._put_away()
        self._check([name for name in self._health.unchecked() if not self._keeps_its_seal(name)])
        for name in self._health.damaged():
            last = self._rebuilt_at.get(name)
            is_due = last is None or time.monotonic() - last >= self._least_pause_s
            if is_due and not self.is_stopping:
                self._rebuilt_at[name] = time.monotonic()
                self._rebuild(name)
        return POLL_S

    def _put_away(self) -> None:
        try:
            for done in self._strays.put_away():
                logger.warning("after an unclean stop: %s", done)
        except DatabaseDamaged as exc:  # `kb fsck` says more
            logger.error("the originals are not looked at: %s", exc.detail)

    def _keeps_its_seal(self, name: IndexName) -> bool:
        """Whether nobody has written to an index since it was closed; then it is trusted."""
        try:
            seal = seal_of(index_path(self._folder.index, name))
        except OSError:
            return False
        if seal is None or not self._health.fits(name, seal):
            return False
        self._trust(name, seal)
        return True

    def _check(self, names: list[IndexName]) -> None:
        for name, is_whole in checked(self._folder, names, lambda: self.is_stopping):
            if is_whole:
                self._trust(name, seal_of(index_path(self._folder.index, name)))
            else:
                self._health.report_damage(name)

    def _trust(self, name: IndexName, seal: str | None) -> None:
        self._health.trust(name, seal)
        self._database.wakeups.notify("apply")

    def _rebuild(self, name: IndexName) -> None:
        try:
            with self._applier.paused():  # nor does another process make it anew
                if not self._is_mended(name):
                    logger.warning(
                        "the %s index of dataset %s is damaged; rebuilding it",
                        name.kind,
                        name.key.dataset_id,
                    )
                    self._applier.rebuild(name.key, (name.kind,))
        except NotFound:  # the dataset or the generation was deleted meanwhile
            self._applier.forget(name.key)
        except Unavailable as exc:
            logger.warning("a damaged index could not be rebuilt: %s", exc.detail)
        self._database.wakeups.notify("apply")
