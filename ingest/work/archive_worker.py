"""The thread that expands archives, beside the worker that indexes what they held."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from ingest.intake.expansion import expand
from ingest.work import pipeline
from ingest.work.pipeline import INTERNAL, CrashedRepeatedly
from kb.background import start_background
from kb.errors import KnowledgeBaseError, NotFound, StorageFull
from kb.knowledge_base import KnowledgeBase
from kb.store.work import jobs
from kb.store.work.jobs import Job
from kb.types import Failure

logger = logging.getLogger(__name__)

IDLE_S = 5.0
RETRY_S = 10.0
HEARTBEAT_S = 20.0


class ArchiveWorker:
    """Expands archives one after another. Start it once per open knowledge base."""

    def __init__(self, kb: KnowledgeBase, *, on_documents: Callable[[], None]) -> None:
        """`on_documents` is called whenever there is something new to index."""
        self._kb = kb
        self._on_documents = on_documents
        self._held: Job | None = None
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to work."""
        for target in (self._loop, self._heartbeat_loop):
            self._threads.append(start_background(target, f"archives{target.__name__}"))

    def stop(self) -> None:
        """Finish the group in hand, give the archive back to the queue and end the threads."""
        self._stopping.set()
        self._wake.set()
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def notify(self) -> None:
        """There may be something to do."""
        self._wake.set()

    def _loop(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                is_busy = self._work()
            except Exception:  # the edge of a thread: the claim runs out and is taken up again
                logger.exception("expanding an archive broke off; trying again")
                is_busy = not self._stopping.wait(timeout=RETRY_S)
            if not is_busy:
                self._wake.wait(timeout=IDLE_S)

    def _work(self) -> bool:
        if not self._kb.database.reading(jobs.archives_waiting):
            return False
        claimed = self._kb.database.writing(jobs.claim_archive)
        for job in claimed:
            self._held = job
            try:
                self._expand(job)
            finally:
                self._held = None
        return bool(claimed)

    def _expand(self, job: Job) -> None:
        try:
            if job.attempts >= self._kb.settings.ingest.max_attempts:
                raise CrashedRepeatedly(job.attempts)
            if not pipeline.begin(self._kb, job):  # deleted meanwhile
                return
            stopping, notify = self._stopping.is_set, self._on_documents
            expand(self._kb, job, is_stopping=stopping, on_group=notify)
            self._kb.database.writing(jobs.release, [job])  # nothing if it is done
        except NotFound:  # deleted meanwhile, and its job with it
            return
        except StorageFull:
            logger.warning("the disk is full; the archive is expanded further when there is space")
            self._stopping.wait(timeout=RETRY_S)
            self._kb.database.writing(jobs.release, [job])
        except KnowledgeBaseError as exc:
            pipeline.fail(self._kb, job, Failure(exc.code, exc.detail))
        except Exception:  # the edge of a job
            logger.exception("archive %s could not be expanded", job.document_id)
            pipeline.fail(self._kb, job, INTERNAL)

    def _heartbeat_loop(self) -> None:
        while not self._stopping.wait(timeout=HEARTBEAT_S):
            held = self._held
            if held is not None:
                self._extend(held)

    def _extend(self, held: Job) -> None:
        try:
            self._kb.database.writing(jobs.extend, [held])
        except StorageFull:
            logger.warning("the disk is full; the lease of an archive is not extended")
