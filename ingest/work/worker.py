"""The ingest worker: reading loops and an embedding loop, so that the next files are read while
these are embedded, a little of each in turn.

Keys take turns, and so do the datasets of a key, so that one with many slow documents holds up the
others by one of them at a time, and no longer than `SLOW_S`: then one more loop reads for the
others. Claims are leases with fencing tokens. A document that was in work
when the process died is tried again alone, so that one which crashes the process takes no other
with it; after `max_attempts` such crashes it is marked failed instead of being tried for ever.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict, deque
from collections.abc import Collection, Iterable

from ingest.sandbox.child import Unwanted
from ingest.work import embedding, pipeline
from ingest.work.archive_worker import ArchiveWorker
from ingest.work.claims import Claims
from ingest.work.embedding import Backlog, divided
from ingest.work.engine import Engine, local_engine
from ingest.work.pipeline import Prepared
from ingest.work.reindexing import Reindexer
from kb.background import Loop
from kb.errors import StorageFull, Unavailable
from kb.knowledge_base import KnowledgeBase
from kb.store.content import embeddings, generations, index_ops
from kb.store.work import jobs
from kb.store.work.jobs import Job, Party

logger = logging.getLogger(__name__)

CLAIM_AT_ONCE = 32
MOST_CLAIMED = 512
"""What is in hand when the process is killed is tried again one by one."""
CLAIM_S = 1.0
"""After this time who has nothing in hand yet gets a turn, although others have."""
SLOW_S = 5.0
"""A document that is read for so long is slow: beside it those of others are read."""
IDLE_S = 5.0
WAIT_S = 0.5
LEAST_LOAD = 64
PATIENCE_S = 0.05
"""How long the embedder waits for more documents while it has less than the least load. With more
it begins at once: what is read meanwhile makes the next slice a full one."""


class Worker:
    """Indexes documents in the background. Start it once per open knowledge base."""

    def __init__(self, kb: KnowledgeBase, engine: Engine | None = None) -> None:
        """Works with this machine's own readers and embedder, or with another engine."""
        self._kb = kb
        self.engine = engine = engine or local_engine(kb.settings.ingest)
        wakeups = kb.database.wakeups
        self._being_read: dict[int, tuple[Party, float]] = {}  # by job, and since when
        self._backlog = Backlog()
        self._unread = FairQueue()
        self._claimed_at = float("-inf")
        self._claiming = threading.Lock()
        self._alone: Job | None = None  # it may be what stopped the process before
        self._is_swept = False
        self._stopping = threading.Event()
        self._claims = Claims(kb, "index", self._stopping)
        self._parts: tuple[Claims | Loop, ...] = (
            self._claims,
            *(Loop("index", self._claim_and_read, wakeups) for _ in range(engine.reading)),
            Loop("read beside", self._read_beside, wakeups),
            Loop("embed", self._embed_some, wakeups),
            ArchiveWorker(kb),
            Reindexer(kb, engine.readers),
        )

    def start(self) -> None:
        """Begin to work."""
        for part in self._parts:
            part.start()

    def stop(self) -> None:
        """Give the documents in hand back to the queue and end the threads."""
        self._stopping.set()
        self.engine.readers.close()
        for part in reversed(self._parts):
            part.stop()

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until nothing is left to do; False if that takes longer than the timeout."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            with self._kb.database.read() as tx:
                is_idle = not jobs.waiting(tx) and not index_ops.waiting(tx)
                is_idle = is_idle and not generations.is_behind(tx)
            if is_idle and self._is_swept and not self._claims:
                return True
            time.sleep(0.02)
        return False

    def _read_beside(self) -> float:
        """Read for others while each reading loop has a slow document in hand."""
        begun_before = time.monotonic() - SLOW_S
        slow = [
            party for party, begun_at in list(self._being_read.values()) if begun_at < begun_before
        ]
        if len(slow) < self.engine.reading:
            return SLOW_S
        return self._claim_and_read(slow) and WAIT_S

    def _claim_and_read(self, besides: Collection[Party] = ()) -> float:
        """Read the document whose turn it is, of somebody besides these."""
        with self._claiming:  # one by one: a big file holds up those behind it in one reader
            now = time.monotonic()
            if not self._unread or now > self._claimed_at + CLAIM_S:
                self._unread.add(self._claim())
                self._claimed_at = now
            job = self._unread.next(besides)
        if job is None:
            return IDLE_S
        self._being_read[job.id] = (job.party, time.monotonic())
        try:
            with self._claims.reported(job):
                if not self._stopping.is_set():
                    self._read(job)
        finally:
            del self._being_read[job.id]
        return 0.0

    def _claim(self) -> list[Job]:
        if self._alone in self._claims:
            return []
        room = min(CLAIM_AT_ONCE, MOST_CLAIMED - len(self._claims))
        besides = [*self._unread.parties, *self._claims.resting]
        claimed = self._claims.take(max(0, room), is_begun=False, besides=besides)
        if not claimed and not self._claims:
            claimed = self._claims.take(is_begun=True)
            self._alone = claimed[0] if claimed else None
            if not claimed and not self._is_swept:
                living = self._kb.owner.living()
                embeddings.collect_left(self._kb.database, living)
                self._is_swept = True
        return claimed

    def _read(self, job: Job) -> None:
        prepared = pipeline.prepare(self._kb, self.engine.readers, job, self._stopping.is_set)
        while not self._stopping.is_set():
            if self._backlog.put(prepared, timeout_s=WAIT_S):
                return

    def _embed_some(self) -> float:
        waiting = self._backlog.waiting(least=LEAST_LOAD, timeout_s=WAIT_S, patience_s=PATIENCE_S)
        if waiting:
            self._embed(waiting)
            done = [item for item in waiting if item.job not in self._claims]
            embedding.give_up(self._kb, done)
            self._backlog.remove(done)
        return 0.0

    def _embed(self, waiting: list[Prepared]) -> None:
        """A slice of all documents; if that fails, of each, so that only the culprit fails."""
        try:
            self._advance(waiting)
            return
        except StorageFull:
            raise
        except Unavailable as exc:  # that of some of them
            logger.warning("%s Its documents wait.", exc.detail)
        except Exception:
            if self._stopping.is_set():
                return
            logger.exception("indexing %d documents together failed; trying each", len(waiting))
        for item in waiting:
            with self._claims.reported(item.job):
                self._advance([item])

    def _advance(self, waiting: list[Prepared]) -> None:
        good = self._still_wanted(waiting)
        embedding.look_up(self._kb, good)
        embedding.embed(self._kb, divided(good, self.engine.embed_at_once))
        if self._stopping.is_set():
            return
        done = [item for item in good if not item.texts]
        embedding.store(self._kb, done)
        for item in done:
            self._claims.end(item.job)

    def _still_wanted(self, waiting: list[Prepared]) -> list[Prepared]:
        """Those that were not replaced, deleted, cancelled or paused meanwhile."""
        own = [item.job for item in waiting]
        wanted = self._kb.database.reading(jobs.held, own, paused=False)
        for job in own:
            if job.id not in wanted:
                with self._claims.reported(job):
                    raise Unwanted
        return [item for item in waiting if item.job.id in wanted]


class FairQueue:
    """Jobs that were claimed and not begun: keys take turns, and so do the datasets of a key."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, dict[str, deque[Job]]] = defaultdict(dict)

    def __bool__(self) -> bool:
        return bool(self._waiting)

    @property
    def parties(self) -> list[Party]:
        """Who waits for a turn."""
        return [(key, dataset) for key, own in self._waiting.items() for dataset in own]

    def add(self, claimed: Iterable[Job]) -> None:
        """Let some more take turns."""
        for job in claimed:
            key, dataset = job.party
            self._waiting[key].setdefault(dataset, deque()).append(job)

    def next(self, besides: Collection[Party] = ()) -> Job | None:
        """The job whose turn it is; its key and its dataset go to the end of their lines.

        `besides`: who gets no turn now.
        """
        party = next((party for party in self.parties if party not in besides), None)
        if party is None:
            return None
        key, dataset = party
        datasets = self._waiting.pop(key)
        waiting = datasets.pop(dataset)
        job = waiting.popleft()
        if waiting:
            datasets[dataset] = waiting
        if datasets:
            self._waiting[key] = datasets
        return job
