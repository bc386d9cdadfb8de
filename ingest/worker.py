"""The ingest worker: a reading and an embedding thread, so that the next files are read
while these are embedded.

Claims are leases with fencing tokens; a document that has crashed its worker `max_attempts` times
is marked failed instead of being tried for ever.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ingest import pipeline
from ingest.pipeline import Prepared
from ingest.sandbox import ReaderPool
from kb.errors import KnowledgeBaseError, NotFound, StorageFull
from kb.knowledge_base import KnowledgeBase
from kb.store import documents, embeddings, index_ops, jobs
from kb.store.jobs import Job
from kb.types import Failure

logger = logging.getLogger(__name__)

CLAIM_AT_ONCE = 16
CHUNKS_AT_ONCE = pipeline.EMBED_AT_ONCE
IDLE_S = 5.0
WAIT_S = 0.5
PATIENCE_S = 0.05
"""How long the embedder waits for more documents before it embeds a small load."""
FULL_DISK_PAUSE_S = 10.0
HEARTBEAT_S = 20.0

INTERNAL = Failure(
    "internal_error", "Indexing failed on our side; the log has the details. Retry the document."
)


class CrashedRepeatedly(KnowledgeBaseError):
    """A document took the whole process down again and again; trying it once more would too."""

    code = "crashed_repeatedly"

    def __init__(self, times: int) -> None:
        super().__init__(
            f"Indexing this document stopped the server {times} times; it is not tried again. "
            f"Retry it by hand, or check the file."
        )


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
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to work."""
        for target in (self._read_loop, self._embed_loop, self._heartbeat_loop):
            thread = threading.Thread(target=target, name=target.__name__, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Give the documents in hand back to the queue and end the threads."""
        self._stopping.set()
        self._wake.set()
        self._readers.close()
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        self._kb.database.writing(jobs.release, list(self._held.values()))
        self._held.clear()

    def notify(self) -> None:
        """There may be something to do."""
        self._wake.set()

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until nothing is left to do; False if that takes longer than the timeout."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            with self._kb.database.read() as tx:
                if not jobs.waiting(tx) and not index_ops.waiting(tx):
                    return True
            time.sleep(0.02)
        return False

    def _read_loop(self) -> None:
        while not self._stopping.is_set():
            if not self._claim_and_read():
                self._wake.wait(timeout=IDLE_S)
                self._wake.clear()

    def _claim_and_read(self) -> bool:
        try:
            claimed = self._kb.database.writing(jobs.claim, CLAIM_AT_ONCE)
        except Exception:  # the edge of a thread: the jobs stay queued
            logger.exception("claiming documents failed; trying again")
            return False
        self._held.update((job.id, job) for job in claimed)
        for job in claimed:
            with self._reported(job):
                self._read(job)
        return bool(claimed)

    def _read(self, job: Job) -> None:
        if self._stopping.is_set():
            return
        if job.attempts > self._ingest.max_attempts:
            raise CrashedRepeatedly(job.attempts - 1)
        self._kb.database.writing(documents.set_status, job.document_id, "indexing")
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
            patience = PATIENCE_S
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
        for item in load:
            self._held.pop(item.job.id, None)
        if len(stored) < len(load):  # replaced or deleted meanwhile: their vectors are nobody's
            self._kb.database.writing(embeddings.collect_orphans)

    def _heartbeat_loop(self) -> None:
        while not self._stopping.wait(timeout=HEARTBEAT_S):
            if held := list(self._held.values()):
                self._kb.database.writing(jobs.extend, held)

    @contextmanager
    def _reported(self, job: Job) -> Iterator[None]:
        """Turn what goes wrong with one document into its status."""
        try:
            yield
        except NotFound:  # deleted meanwhile, and its job with it
            self._held.pop(job.id, None)
        except StorageFull:
            logger.warning("the disk is full; indexing goes on when there is space")
            self._kb.database.writing(jobs.release, [job])
            self._held.pop(job.id, None)
            self._stopping.wait(timeout=FULL_DISK_PAUSE_S)
        except Exception as exc:  # the edge of a job
            if not self._stopping.is_set():
                self._fail(job, exc)

    def _fail(self, job: Job, exc: Exception) -> None:
        if isinstance(exc, KnowledgeBaseError):
            failure = Failure(exc.code, exc.detail)
        else:
            logger.error("document %s failed", job.document_id, exc_info=exc)
            failure = INTERNAL
        pipeline.fail(self._kb, job, failure)
        self._held.pop(job.id, None)
