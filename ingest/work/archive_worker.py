"""The loop that expands archives, beside the worker that indexes what they held."""

from __future__ import annotations

from ingest.intake.expansion import expand
from ingest.work.claims import Claims
from kb.background import Loop
from kb.knowledge_base import KnowledgeBase
from kb.store.work import jobs

IDLE_S = 5.0


class ArchiveWorker(Loop):
    """Expands archives one after another. Start it once per open knowledge base."""

    def __init__(self, kb: KnowledgeBase) -> None:
        super().__init__("expand", self._round, kb.database.wakeups)
        self._kb = kb
        self._claims = Claims(kb, "expand", self._stopping)

    def start(self) -> None:
        """Begin to work."""
        self._claims.start()
        super().start()

    def stop(self) -> None:
        """Finish the group in hand, give the archive back to the queue and end the threads."""
        super().stop()
        self._claims.stop()

    def _round(self) -> float:
        is_waiting = self._kb.database.reading(jobs.is_waiting, "expand")
        claimed = self._claims.take() if is_waiting else []
        for job in claimed:
            with self._claims.reported(job):
                expand(self._kb, job, is_stopping=self._stopping.is_set)
                self._kb.database.writing(jobs.release, [job])  # nothing if it is done
                self._claims.end(job)
        return 0.0 if claimed else IDLE_S
