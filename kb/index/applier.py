"""Feeds both derived indexes from `index_ops`, in order, and only then makes versions live.

There is one applier per data folder. Every step may be repeated: after a crash the same operations
are applied again to the same effect.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from kb.batches import batched
from kb.errors import IndexDamaged, NotFound
from kb.index.trust import Trust
from kb.protocols import IndexKey, KeywordIndex, VectorIndex
from kb.store import chunks, datasets, embeddings, index_ops, removal
from kb.store.database import Database
from kb.store.index_ops import IndexOp
from kb.types import Scope

logger = logging.getLogger(__name__)

OPS_AT_ONCE = 256
"""Operations per step: small documents share the cost of a commit of the indexes."""
ROWS_AT_ONCE = 4000
"""Vectors per index call: below Chroma's limit of 5,461, and 6 MB in memory at 384 dimensions."""
RETRY_S = 5.0


class Applier:
    """Applies waiting operations, in a thread of its own or when called."""

    def __init__(
        self,
        database: Database,
        vectors: VectorIndex,
        keywords: KeywordIndex,
        of_vectors: Trust | None = None,
        of_keywords: Trust | None = None,
    ) -> None:
        """With trust to say, searches do not believe an index while it is built."""
        self._of_vectors = of_vectors or Trust()
        self._of_keywords = of_keywords or Trust()
        self._database = database
        self._vectors = vectors
        self._keywords = keywords
        self._turn = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Apply operations as they come."""
        self._thread = threading.Thread(target=self._run, name="applier", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the step in hand and end the thread."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def notify(self) -> None:
        """There may be something to do."""
        self._wake.set()

    def drain(self) -> None:
        """Apply all that waits.

        What fails in one dataset is logged and tried again later; it holds up no other.
        """
        failed: set[str] = set()
        while self._apply_some(failed):
            pass

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Inside the block nothing is applied: the indexes stand still. Do not drain in it."""
        with self._turn:
            yield

    def rebuild(self, dataset_id: str) -> int:
        """Make a dataset's indexes again from SQL, without reading a file or running a model.

        Returns the number of chunks indexed.
        """
        with self._turn:
            return self._rebuild(dataset_id)

    def rebuild_keywords(self, dataset_id: str) -> int:
        """Make only the keyword index again: 100,000 chunks take seconds, not a minute."""
        with self._turn:
            key, rows = self._contents(dataset_id)
            self._rebuild_keywords(key, rows)
            return len(rows)

    def rebuild_vectors(self, dataset_id: str) -> int:
        """Make only the vector index again."""
        with self._turn:
            key, rows = self._contents(dataset_id)
            self._rebuild_vectors(key, rows)
            return len(rows)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(timeout=RETRY_S)
            self._wake.clear()
            failed: set[str] = set()
            try:
                while not self._stopping.is_set() and self._apply_some(failed):
                    pass
            except Exception:  # the edge of a thread: the operations stay and are tried again
                logger.exception("the indexes could not be updated; trying again")

    def _apply_some(self, failed: set[str]) -> bool:
        """Apply the next operations, of all but the failed datasets; False if there are none."""
        with self._turn:
            ops = _bounded(self._database.reading(index_ops.oldest, OPS_AT_ONCE, besides=failed))
            by_key: dict[IndexKey, list[IndexOp]] = defaultdict(list)
            for op in ops:
                by_key[IndexKey(op.dataset_id, op.generation)].append(op)
            for key, group in by_key.items():
                try:
                    self._repairing(key, group)
                    self._finish(group)
                except Exception:  # the edge of a dataset: its operations stay
                    logger.exception("the indexes of %s could not be updated", key.dataset_id)
                    failed.add(key.dataset_id)
            return bool(ops)

    def _repairing(self, key: IndexKey, ops: Sequence[IndexOp]) -> None:
        try:
            try:
                self._apply(key, ops)
            except IndexDamaged:
                logger.warning("an index of dataset %s is damaged; rebuilding it", key.dataset_id)
                self._rebuild(key.dataset_id)
                self._apply(key, ops)
        except NotFound:  # the dataset was deleted meanwhile
            self._drop(key)

    def _apply(self, key: IndexKey, ops: Sequence[IndexOp]) -> None:
        """Adds, then removals, then drops: an add whose rows are gone adds nothing."""
        self._upsert(key, self._rows(ops))
        gone = [chunk_id for op in ops if op.kind == "remove" for chunk_id in op.chunk_ids()]
        if gone:
            self._vectors.remove(key, gone)
            self._keywords.remove(key, gone)
        if any(op.kind == "drop" for op in ops):
            self._drop(key)

    def _drop(self, key: IndexKey) -> None:
        self._vectors.drop(key)
        self._keywords.drop(key)

    def _rows(self, ops: Sequence[IndexOp]) -> list[tuple[str, str]]:
        added = {
            (op.document_id, op.version): op.generation
            for op in ops
            if op.kind == "add" and op.document_id is not None and op.version is not None
        }
        return self._database.reading(chunks.of_versions, added)

    def _upsert(self, key: IndexKey, rows: Sequence[tuple[str, str]]) -> None:
        for part in batched(rows, ROWS_AT_ONCE):
            known = self._upsert_vectors(key, part)
            self._keywords.upsert(key, [row for row in part if row[0] in known])

    def _upsert_vectors(self, key: IndexKey, rows: Sequence[tuple[str, str]]) -> set[str]:
        """Returns the ids that have a vector; others were deleted since: their removal follows."""
        with self._database.read() as tx:
            dataset = datasets.get(tx, Scope.admin(), key.dataset_id)
            found = embeddings.of_chunks(tx, dataset.embedder, [row[0] for row in rows])
        ids = [chunk_id for chunk_id, _ in rows if chunk_id in found]
        if ids:
            self._vectors.upsert(key, ids, embeddings.stack(found, ids))
        return set(ids)

    def _rebuild(self, dataset_id: str) -> int:
        key, rows = self._contents(dataset_id)
        self._rebuild_keywords(key, rows)
        self._rebuild_vectors(key, rows)
        return len(rows)

    def _rebuild_keywords(self, key: IndexKey, rows: Sequence[tuple[str, str]]) -> None:
        with self._of_keywords.rebuilding(key):
            self._keywords.drop(key)
            for part in batched(rows, ROWS_AT_ONCE):
                self._keywords.upsert(key, part)

    def _rebuild_vectors(self, key: IndexKey, rows: Sequence[tuple[str, str]]) -> None:
        with self._of_vectors.rebuilding(key):
            self._vectors.drop(key)
            for part in batched(rows, ROWS_AT_ONCE):
                self._upsert_vectors(key, part)

    def _contents(self, dataset_id: str) -> tuple[IndexKey, list[tuple[str, str]]]:
        with self._database.read() as tx:
            dataset = datasets.get(tx, Scope.admin(), dataset_id)
            rows = list(chunks.live_of_dataset(tx, dataset_id))
        return IndexKey(dataset_id, dataset.generation), rows

    def _finish(self, ops: Sequence[IndexOp]) -> None:
        indexed: dict[str, int] = {}
        for op in ops:
            if op.kind == "add" and op.document_id is not None and op.version is not None:
                indexed[op.document_id] = max(op.version, indexed.get(op.document_id, 0))
        with self._database.write() as tx:
            removal.make_all_live(tx, indexed)
            index_ops.done(tx, list(ops))


def _bounded(ops: Sequence[IndexOp]) -> list[IndexOp]:
    """The first operations, as many as fit into memory together, and at least one."""
    chosen: list[IndexOp] = []
    size = 0
    for op in ops:
        size += op.chunk_count
        if chosen and size > ROWS_AT_ONCE:
            break
        chosen.append(op)
    return chosen
