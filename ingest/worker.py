"""The ingest worker: reading threads and an embedding thread, so that the next files are read
while these are embedded.

Claims are leases with fencing tokens. A document that was in work when the process died is tried
again alone, so that one which crashes the process takes no other with it; after `max_attempts`
such crashes it is marked failed instead of being tried for ever.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ingest import pipeline
from ingest.archive_worker import ArchiveWorker
from ingest.failures import INTERNAL, CrashedRepeatedly
from ingest.pipeline import Prepared
from ingest.sandbox import ReaderPool
from kb.errors import KnowledgeBaseError, NotFound, StorageFull
from kb.knowledge_base import KnowledgeBase
from kb.store import embeddings, index_ops, jobs
from kb.store.jobs import Job
from kb.types import Failure

logger = logging.getLogger(__name__)

CLAIM_AT_ONCE = 32
CHUNKS_AT_ONCE = 2 * pipeline.EMBED_AT_ONCE
"""Sorted by length together: with twice as many the model computes 2 % less padding."""
IDLE_S = 5.0
WAIT_S = 0.5
LEAST_LOAD = 64
PATIENCE_S = 0.05
"""How long the embedder waits for more documents while it has less than the least load. With more
it begins at once: what is read meanwhile makes the next load a full one."""
FULL_DISK_PAUSE_S = 10.0
HEARTBEAT_S = 20.0


class Worker:
    """Indexes documents in the background. Start it once per open knowledge base."""

    def __init__(self, kb: KnowledgeBase) -> None:
        self._kb = kb
        self._ingest = kb.settings.ingest
        self._readers = ReaderPool(
            readers=self._ingest.readers,
            timeout_s=self._ingest.read_timeout_s,
            memory_bytes=self._ingest.read_memory_bytes,
            max_characters=self._ingest.max_characters,
        )
        self._prepared: queue.Queue[Prepared] = queue.Queue(maxsize=2 * CLAIM_AT_ONCE)
        self._held: dict[int, Job] = {}
        self._claiming = threading.Lock()
        self._suspect: int | None = None
        self._untidy = True  # broken-off work of a former process may have left vectors
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._archives = ArchiveWorker(kb, on_documents=self._wake.set)

    def start(self) -> None:
        """Begin to work."""
        reading = [self._read_loop] * self._ingest.readers
        for target in (*reading, self._embed_loop, self._heartbeat_loop):
            thread = threading.Thread(target=target, name=target.__name__, daemon=True)
            thread.start()
            self._threads.append(thread)
        self._archives.start()

    def stop(self) -> None:
        """Give the documents in hand back to the queue and end the threads."""
        self._stopping.set()
        self._wake.set()
        self._readers.close()
        self._archives.stop()
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        self._insist(self._kb.database.writing, jobs.release, list(self._held.values()))
        self._held.clear()

    def notify(self) -> None:
        """There may be something to do."""
        self._wake.set()
        self._archives.notify()

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until nothing is left to do; False if that takes longer than the timeout."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            with self._kb.database.read() as tx:
                is_idle = not jobs.waiting(tx) and not index_ops.waiting(tx)
            if is_idle and not self._untidy:
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
            with self._claiming:
                claimed = self._claim()
        except Exception:  # the edge of a thread: the jobs stay queued
            logger.exception("claiming documents failed; trying again")
            return False
        begun = self._begin(claimed)
        for job in claimed:
            with self._reported(job):
                self._read(job, is_begun=job.id in begun)
        return bool(claimed)

    def _begin(self, claimed: list[Job]) -> set[int]:
        """Begin a claim in one transaction; what that does not begin is begun one by one."""
        try:
            return pipeline.begin_all(self._kb, claimed) if claimed else set()
        except StorageFull:
            return set()

    def _claim(self) -> list[Job]:
        if self._suspect in self._held:
            return []
        claimed = self._kb.database.writing(jobs.claim, CLAIM_AT_ONCE)
        if not claimed and not self._held:
            claimed = self._kb.database.writing(jobs.claim_suspect)
            self._suspect = claimed[0].id if claimed else None
            if not claimed and self._untidy:
                self._kb.database.writing(embeddings.collect_orphans)
                self._untidy = False
        self._held.update((job.id, job) for job in claimed)
        return claimed

    def _read(self, job: Job, *, is_begun: bool) -> None:
        if self._stopping.is_set():
            return
        if job.attempts >= self._ingest.max_attempts:
            raise CrashedRepeatedly(job.attempts)
        if not is_begun and not pipeline.begin(self._kb, job):  # replaced or deleted meanwhile
            self._let_go(job)
            return
        prepared = pipeline.prepare(self._kb, self._readers, job)
        while not self._stopping.is_set():
            try:
                self._prepared.put(prepared, timeout=0.2)
                return
            except queue.Full:
                continue

    def _embed_loop(self) -> None:
        while not self._stopping.is_set():
            load = list(self._load())
            if load:
                self._embed(load)

    def _load(self) -> Iterator[Prepared]:
        """The documents that wait, up to a good load for the embedder."""
        size, patience = 0, WAIT_S
        while size < CHUNKS_AT_ONCE:
            try:
                item = self._prepared.get(timeout=patience)
            except queue.Empty:
                return
            size += len(item.chunks)
            patience = PATIENCE_S if size < LEAST_LOAD else 0.0
            yield item

    def _embed(self, load: list[Prepared]) -> None:
        """Embed documents together; if that fails, one by one, so that only the culprit fails."""
        try:
            self._finish(load)
            return
        except Exception:
            if self._stopping.is_set():
                return
            logger.exception("indexing %d documents together failed; trying each", len(load))
        for item in load:
            with self._reported(item.job):
                self._finish([item])

    def _finish(self, load: list[Prepared]) -> None:
        stored = pipeline.embed_and_store(self._kb, load, self._stopping.is_set)
        if self._stopping.is_set():
            return
        if len(stored) < len(load):  # replaced or deleted meanwhile: their vectors are nobody's
            self._kb.database.writing(embeddings.collect_orphans)
        for item in load:
            self._let_go(item.job)

    def _heartbeat_loop(self) -> None:
        while not self._stopping.wait(timeout=HEARTBEAT_S):
            if held := list(self._held.values()):
                self._insist(self._kb.database.writing, jobs.extend, held)

    @contextmanager
    def _reported(self, job: Job) -> Iterator[None]:
        """Turn what goes wrong with one document into its status."""
        try:
            yield
        except NotFound:  # deleted meanwhile, and its job with it
            self._let_go(job)
        except StorageFull:
            logger.warning("the disk is full; indexing goes on when there is space")
            if not self._stopping.wait(timeout=FULL_DISK_PAUSE_S):
                self._insist(self._kb.database.writing, jobs.release, [job])
                self._untidy = True
                self._let_go(job)
        except Exception as exc:  # the edge of a job
            if not self._stopping.is_set():
                self._fail(job, exc)

    def _fail(self, job: Job, exc: Exception) -> None:
        if isinstance(exc, KnowledgeBaseError):
            failure = Failure(exc.code, exc.detail)
        else:
            logger.error("document %s failed", job.document_id, exc_info=exc)
            failure = INTERNAL
        self._insist(pipeline.fail, self._kb, job, failure)
        self._untidy = True
        self._let_go(job)

    def _let_go(self, job: Job) -> None:
        self._held.pop(job.id, None)
        if not self._held:
            self._wake.set()  # a suspect may have its turn

    def _insist(self, change: Callable[..., object], *args: object) -> None:
        """Make a small change, however long the disk is full, unless the worker is stopping."""
        while True:
            try:
                change(*args)
                return
            except Exception:  # the edge of a thread: without this change a document would hang
                logger.exception("the state of a document could not be stored; trying again")
            if self._stopping.wait(timeout=FULL_DISK_PAUSE_S):
                return
