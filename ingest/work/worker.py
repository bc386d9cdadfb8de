"""The ingest worker: reading threads and an embedding thread, so that the next files are read
while these are embedded, a little of each in turn.

Claims are leases with fencing tokens. A document that was in work when the process died is tried
again alone, so that one which crashes the process takes no other with it; after `max_attempts`
such crashes it is marked failed instead of being tried for ever.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ingest.sandbox.reader_process import ReaderPool, suitable_readers
from ingest.work import embedding, pipeline
from ingest.work.archive_worker import ArchiveWorker
from ingest.work.embedding import Backlog, divided
from ingest.work.pipeline import INTERNAL, CrashedRepeatedly, Prepared
from ingest.work.reindexing import Reindexer
from kb.background import start_background
from kb.errors import KnowledgeBaseError, NotFound, StorageFull
from kb.knowledge_base import KnowledgeBase
from kb.store.content import embeddings, generations
from kb.store.work import index_ops, jobs
from kb.store.work.jobs import Job
from kb.types import Failure

logger = logging.getLogger(__name__)

CLAIM_AT_ONCE = 32
IDLE_S = 5.0
WAIT_S = 0.5
LEAST_LOAD = 64
PATIENCE_S = 0.05
"""How long the embedder waits for more documents while it has less than the least load. With more
it begins at once: what is read meanwhile makes the next slice a full one."""
FULL_DISK_PAUSE_S = 10.0
HEARTBEAT_S = 20.0


class Worker:
    """Indexes documents in the background. Start it once per open knowledge base."""

    def __init__(self, kb: KnowledgeBase) -> None:
        self._kb = kb
        self._ingest = kb.settings.ingest
        cores = len(os.sched_getaffinity(0))
        self._reading = self._ingest.readers or suitable_readers(cores)
        self._readers = ReaderPool.with_limits(self._ingest, self._reading)
        self._backlog = Backlog()
        self._held: dict[int, Job] = {}
        self._unread: deque[tuple[Job, bool]] = deque()  # claimed, and whether it is begun
        self._claiming = threading.Lock()
        self._interrupted_id: int | None = None
        self._may_have_orphans = True  # broken-off work of a former process may have left vectors
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._archives = ArchiveWorker(kb, on_documents=self._wake.set)
        self._reindexer = Reindexer(kb, self._readers)

    def start(self) -> None:
        """Begin to work."""
        reading = [self._read_loop] * self._reading
        for target in (*reading, self._embed_loop, self._heartbeat_loop):
            self._threads.append(start_background(target, target.__name__))
        self._archives.start()
        self._reindexer.start()

    def stop(self) -> None:
        """Give the documents in hand back to the queue and end the threads."""
        self._stopping.set()
        self._wake.set()
        self._readers.close()
        self._archives.stop()
        self._reindexer.stop()
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        self._retry_until_stored(self._kb.database.writing, jobs.release, list(self._held.values()))
        self._held.clear()

    def notify(self) -> None:
        """There may be something to do."""
        self._wake.set()
        self._archives.notify()
        self._reindexer.notify()

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until nothing is left to do; False if that takes longer than the timeout."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            with self._kb.database.read() as tx:
                is_idle = not jobs.waiting(tx) and not index_ops.waiting(tx)
                is_idle = is_idle and not generations.is_behind(tx)
            if is_idle and not self._may_have_orphans:
                return True
            time.sleep(0.02)
        return False

    def _read_loop(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            if not self._claim_and_read():
                self._wake.wait(timeout=IDLE_S)

    def _claim_and_read(self) -> bool:
        try:
            with self._claiming:  # one by one: a big file holds up those behind it in one reader
                if not self._unread:
                    self._unread.extend(self._begun(self._claim()))
                job, is_begun = self._unread.popleft() if self._unread else (None, False)
        except Exception:  # the edge of a thread: the jobs stay queued
            logger.exception("claiming documents failed; trying again")
            return False
        if job is not None:
            with self._reported(job):
                self._read(job, is_begun=is_begun)
        return job is not None

    def _begun(self, claimed: list[Job]) -> list[tuple[Job, bool]]:
        """Begin a claim in one transaction; what that does not begin is begun one by one."""
        try:
            begun = pipeline.begin_all(self._kb, claimed) if claimed else set()
        except StorageFull:
            begun = set()
        return [(job, job.id in begun) for job in claimed]

    def _claim(self) -> list[Job]:
        if self._interrupted_id in self._held:
            return []
        claimed = self._kb.database.writing(jobs.claim, CLAIM_AT_ONCE)
        if not claimed and not self._held:
            claimed = self._kb.database.writing(jobs.claim_interrupted)
            self._interrupted_id = claimed[0].id if claimed else None
            if not claimed and self._may_have_orphans:
                self._kb.database.writing(embeddings.collect_orphans)
                self._may_have_orphans = False
        self._held.update((job.id, job) for job in claimed)
        return claimed

    def _read(self, job: Job, *, is_begun: bool) -> None:
        if self._stopping.is_set():
            return
        if job.attempts >= self._ingest.max_attempts:
            raise CrashedRepeatedly(job.attempts)
        if not is_begun and not pipeline.begin(self._kb, job):  # replaced or deleted meanwhile
            self._forget(job)
            return
        prepared = pipeline.prepare(self._kb, self._readers, job)
        while not self._stopping.is_set():
            if self._backlog.put(prepared, timeout_s=WAIT_S):
                return

    def _embed_loop(self) -> None:
        while not self._stopping.is_set():
            waiting = self._backlog.waiting(
                least=LEAST_LOAD, timeout_s=WAIT_S, patience_s=PATIENCE_S
            )
            if waiting:
                self._embed(waiting)
                self._backlog.remove([each for each in waiting if each.job.id not in self._held])

    def _embed(self, waiting: list[Prepared]) -> None:
        """A slice of all documents; if that fails, of each, so that only the culprit fails."""
        try:
            self._advance(waiting)
            return
        except StorageFull:
            logger.warning("the disk is full; indexing goes on when there is space")
            self._stopping.wait(timeout=FULL_DISK_PAUSE_S)
            return
        except Exception:
            if self._stopping.is_set():
                return
            logger.exception("indexing %d documents together failed; trying each", len(waiting))
        for item in waiting:
            with self._reported(item.job):
                self._advance([item])

    def _advance(self, waiting: list[Prepared]) -> None:
        good = self._still_wanted(waiting)
        embedding.look_up(self._kb, good)
        embedding.embed(self._kb, divided(good, embedding.EMBED_AT_ONCE))
        if self._stopping.is_set():
            return
        done = [item for item in good if not item.texts]
        self._may_have_orphans |= len(embedding.store(self._kb, done)) < len(done)
        for item in done:
            self._forget(item.job)

    def _still_wanted(self, waiting: list[Prepared]) -> list[Prepared]:
        """Those that were not replaced, deleted or cancelled meanwhile."""
        held = self._kb.database.reading(jobs.held, [item.job for item in waiting])
        for item in waiting:
            if item.job.id not in held:  # its vectors are nobody's
                self._may_have_orphans = True
                self._forget(item.job)
        return [item for item in waiting if item.job.id in held]

    def _heartbeat_loop(self) -> None:
        while not self._stopping.wait(timeout=HEARTBEAT_S):
            if held := list(self._held.values()):
                self._retry_until_stored(self._kb.database.writing, jobs.extend, held)

    @contextmanager
    def _reported(self, job: Job) -> Iterator[None]:
        """Turn what goes wrong with one document into its status."""
        try:
            yield
        except NotFound:  # deleted meanwhile, and its job with it
            self._forget(job)
        except StorageFull:
            logger.warning("the disk is full; indexing goes on when there is space")
            if not self._stopping.wait(timeout=FULL_DISK_PAUSE_S):
                self._retry_until_stored(self._kb.database.writing, jobs.release, [job])
                self._may_have_orphans = True
                self._forget(job)
        except Exception as exc:  # the edge of a job
            if not self._stopping.is_set():
                self._fail(job, exc)

    def _fail(self, job: Job, exc: Exception) -> None:
        if isinstance(exc, KnowledgeBaseError):
            failure = Failure(exc.code, exc.detail)
        else:
            logger.error("document %s failed", job.document_id, exc_info=exc)
            failure = INTERNAL
        self._retry_until_stored(pipeline.fail, self._kb, job, failure)
        self._may_have_orphans = True
        self._forget(job)

    def _forget(self, job: Job) -> None:
        self._held.pop(job.id, None)
        if not self._held:
            self._wake.set()  # a suspect may have its turn

    def _retry_until_stored(self, change: Callable[..., object], *args: object) -> None:
        """Make a small change, however long the disk is full, unless the worker is stopping."""
        while True:
            try:
                change(*args)
                return
            except Exception:  # the edge of a thread: without this change a document would hang
                logger.exception("the state of a document could not be stored; trying again")
            if self._stopping.wait(timeout=FULL_DISK_PAUSE_S):
                return
