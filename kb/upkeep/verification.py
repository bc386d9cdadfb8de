"""After an unclean stop each index is compared with SQL, and rebuilt if it differs.

This goes on beside the running server, which answers from SQL meanwhile (`kb.index.health`).
A stop before the end of the check does not count as a clean one: the next start begins again.
"""

from __future__ import annotations

import logging
import threading

from kb.background import Loop, Wakeups
from kb.errors import DatabaseDamaged, NotFound, StorageFull
from kb.index.applier import Applier
from kb.index.embedded_chroma.probe import probed
from kb.index.embedded_chroma.vectors import ChromaVectors
from kb.index.health import IndexHealth
from kb.protocols import IndexKey
from kb.types import Dataset
from kb.upkeep.fsck import Fsck

logger = logging.getLogger(__name__)


class Verification(Loop):
    """The check of one data folder, in a thread of its own; also mends what breaks later."""

    def __init__(
        self,
        fsck: Fsck,
        applier: Applier,
        chroma: ChromaVectors,
        vector_health: IndexHealth,
        keyword_health: IndexHealth,
    ) -> None:
        super().__init__("verify", self._check, Wakeups(), is_patient=False)
        self._fsck = fsck
        self._applier = applier
        self._chroma = chroma
        self._vector_health = vector_health
        self._keyword_health = keyword_health
        self._menders: list[threading.Thread] = []
        self.is_due = False
        vector_health.on_damage(self.mend)
        keyword_health.on_damage(self.mend)

    def start(self) -> None:
        """Begin to check. Call it before anything can open an index."""
        self.is_due = True
        self._vector_health.quarantine(self._chroma.graphs())
        keys = [_key(dataset) for dataset in self._fsck.datasets()]
        self._vector_health.mark_unverified(keys)
        self._keyword_health.mark_unverified(keys)
        super().start()

    def is_over(self) -> bool:
        """Whether nothing is left to check."""
        return not self.is_due

    def mend(self, key: IndexKey) -> None:
        """Rebuild an index that was found damaged, in the background."""
        thread = threading.Thread(target=self._mend, args=(key,), name="mend", daemon=True)
        self._menders = [each for each in self._menders if each.is_alive()] + [thread]
        thread.start()

    def stop(self) -> None:
        """Break off after the dataset in hand; what is left to check stays due."""
        self._stopping.set()
        self._vector_health.close()
        super().stop()
        for thread in self._menders:
            thread.join()

    def _check(self) -> None:
        try:
            self._check_all()
        except (
            DatabaseDamaged
        ) as exc:  # trying again mends nothing, and `kb fsck` waits for the end
            logger.error("the indexes are not checked: %s", exc.detail)

    def _check_all(self) -> None:
        """Keywords first, because searches wait for them; then vectors, which SQL can replace."""
        for done in self._fsck.strays.put_away():
            logger.warning("after an unclean stop: %s", done)
        for dataset in self._fsck.datasets():
            if self.is_stopping:
                return
            self._check_keywords(dataset)
        self._release()
        self._applier.drain()
        for dataset in self._fsck.datasets():
            if self.is_stopping:
                return
            self._check_vectors(dataset)
        for key in self._chroma.graphs():  # what is left belongs to no dataset, or not yet
            self._vector_health.mark_verified(key)
        self.is_due = self.is_stopping

    def _release(self) -> None:
        keys = self._chroma.graphs()
        for key, is_whole in probed(self._chroma.root, keys, lambda: self.is_stopping):
            if not is_whole:
                self._chroma.drop(key)
            self._vector_health.release(key)

    def _check_keywords(self, dataset: Dataset) -> None:
        if self._fsck.lacks_keywords(dataset):
            logger.warning("rebuilding the keyword index of %r: missing or damaged", dataset.name)
            self._applier.rebuild_keywords(_key(dataset))
        self._keyword_health.mark_verified(_key(dataset))

    def _check_vectors(self, dataset: Dataset) -> None:
        if self._fsck.lacks_vectors(dataset):
            logger.warning("rebuilding the vector index of %r: missing or damaged", dataset.name)
            self._applier.rebuild_vectors(_key(dataset))
        self._vector_health.mark_verified(_key(dataset))

    def _mend(self, key: IndexKey) -> None:
        with self.paused():
            known = {_key(dataset): dataset for dataset in self._fsck.datasets()}
            if key not in known or self.is_stopping:
                return
            try:
                self._check_keywords(known[key])
                self._check_vectors(known[key])
            except (NotFound, StorageFull) as exc:
                logger.warning("a damaged index could not be rebuilt: %s", exc.detail)


def _key(dataset: Dataset) -> IndexKey:
    return IndexKey(dataset.id, dataset.generation)
