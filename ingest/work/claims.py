"""The jobs that a worker has in hand: their leases are kept, and each ends in its document's status
or back in the queue."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ingest.sandbox.child import Unwanted
from ingest.work import pipeline
from ingest.work.pipeline import INTERNAL, CrashedRepeatedly
from kb.background import Loop, log_broken_off
from kb.errors import KnowledgeBaseError, NotFound, StorageFull, Unavailable
from kb.knowledge_base import KnowledgeBase
from kb.store.work import jobs
from kb.store.work.jobs import Job, JobKind, Party
from kb.types import Failure

logger = logging.getLogger(__name__)

FULL_DISK_PAUSE_S = 10.0
AWAY_PAUSE_S = 10.0
"""Until documents are taken up again whose embedder does not answer."""
HEARTBEAT_S = 20.0


class Claims:
    """What one worker has claimed. Thread-safe."""

    def __init__(self, kb: KnowledgeBase, kind: JobKind, stopping: threading.Event) -> None:
        self._kb = kb
        self._kind = kind
        self._stopping = stopping
        self._held: dict[int, Job] = {}
        self._resting: dict[Party, float] = {}  # until when, by whose embedder is away
        self._heartbeat = Loop("heartbeat", self._extend, kb.database.wakeups)

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, job: object) -> bool:
        return isinstance(job, Job) and job.id in self._held

    def start(self) -> None:
        """Keep the leases of what is taken from now on."""
        self._heartbeat.start()

    def stop(self) -> None:
        """Give everything back to the queue; when the disk is full, its leases run out."""
        self._heartbeat.stop()
        self._persist(self._kb.database.writing, jobs.release, list(self._held.values()))
        self._held.clear()

    @property
    def resting(self) -> list[Party]:
        """Those of whom nothing is to be taken for now."""
        return [who for who, until in list(self._resting.items()) if time.monotonic() < until]

    def take(self, limit: int = 1, **which: Any) -> list[Job]:
        """Claim and begin some work; what has stopped the process too often fails."""
        claimed = pipeline.claim(self._kb, self._kind, limit, **which)
        self._held.update((job.id, job) for job in claimed)
        for job in claimed:
            if job.attempts >= self._kb.settings.ingest.max_attempts:
                with self.reported(job):
                    raise CrashedRepeatedly(job.attempts)
        return [job for job in claimed if job in self]

    def end(self, job: Job) -> None:
        """The job is not in hand any more."""
        self._held.pop(job.id, None)
        if not self._held:
            self._kb.database.wakeups.notify(self._kind)  # what is worked on alone has its turn

    @contextmanager
    def reported(self, job: Job) -> Iterator[None]:
        """Turn what goes wrong with one document into its status, and end its job then."""
        try:
            yield
        except NotFound:  # deleted meanwhile, and its job with it
            self.end(job)
        except Unwanted:
            self._persist(pipeline.give_back, self._kb, job)
            self.end(job)
        except StorageFull as exc:
            logger.warning("indexing goes on when this is over: %s", exc.detail)
            delayed = {"delay_s": FULL_DISK_PAUSE_S}
            self._persist(self._kb.database.writing, jobs.release, [job], **delayed)
            self.end(job)
        except Unavailable as exc:  # it waits for its embedder, however long that takes
            self._resting[job.party] = time.monotonic() + AWAY_PAUSE_S
            why = {"waits": Failure(exc.code, exc.detail), "delay_s": AWAY_PAUSE_S}
            self._persist(pipeline.give_back, self._kb, job, **why)
            self.end(job)
        except Exception as exc:  # the edge of a job
            if not self._stopping.is_set():
                self._persist(pipeline.fail, self._kb, job, _failure(job, exc))
                self.end(job)

    def _extend(self) -> float:
        with self._kb.database.write_beside() as tx:
            jobs.extend(tx, list(self._held.values()))
        return HEARTBEAT_S

    def _persist(self, change: Callable[..., object], *args: object, **options: object) -> None:
        """Make a small change, however long the disk is full, unless the worker is stopping."""
        while True:
            try:
                change(*args, **options)
                return
            except Exception as exc:  # the edge of a thread: without it a document would hang
                log_broken_off(logger, "storing the state of a document", exc)
            if self._stopping.wait(timeout=FULL_DISK_PAUSE_S):
                return


def _failure(job: Job, exc: Exception) -> Failure:
    if isinstance(exc, KnowledgeBaseError):
        return Failure(exc.code, exc.detail)
    logger.error("document %s failed", job.subject, exc_info=exc)
    return INTERNAL
