"""Feeds both derived indexes from `index_ops`, in order, and only then makes versions live.

There is one applier per data folder, and in a cluster one at a time. Every step may be repeated:
after a crash the same operations are applied again to the same effect. Not so beside another
applier, which may be further: so who has lost the duty to it changes no index any more.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Protocol

from kb.background import Loop
from kb.errors import IndexDamaged, NotFound, Unavailable
from kb.index.health import IndexHealth
from kb.iteration import batched
from kb.protocols import KINDS, IndexKey, IndexKind, KeywordFeed, VectorIndex, Vectors
from kb.store.content import chunks, documents, embeddings, generations, index_ops, indexed, texts
from kb.store.content.index_ops import IndexOp
from kb.store.engine.database import Database, Transaction
from kb.telemetry import spans
from kb.text.terms import plain_name

logger = logging.getLogger(__name__)

OPS_AT_ONCE = 256
"""Operations per step: small documents share the cost of a commit of the indexes."""
ROWS_AT_ONCE = 4000
"""Vectors per index call: below Chroma's limit of 5,461, and 6 MB in memory at 384 dimensions."""
POLL_S = 5.0


class Followers(Protocol):
    """Others that apply the same operations, and are waited for."""

    def wait(self, key: IndexKey, seq: int) -> None:
        """Return when they have applied an operation, or have had time enough."""
        ...

    def pass_by(self, tx: Transaction, key: IndexKey, seq: int) -> None:
        """Note in the transaction that finishes operations who has not applied them."""
        ...


class Applier(Loop):
    """Applies waiting operations, in a thread of its own or when called."""

    def __init__(
        self,
        database: Database,
        vectors: VectorIndex,
        keywords: KeywordFeed,
        health: IndexHealth | None = None,
        followers: Followers | None = None,
    ) -> None:
        """What the health says is not to be opened waits with its dataset."""
        # Not patient: the index's own threads, which answer searches as well, would be of the low
        # priority of the thread that opened it.
        super().__init__(
            "apply", self._round, database.wakeups, is_patient=False, duty=database.duty
        )
        self._health = health or IndexHealth()
        self._database = database
        self._vectors = vectors
        self._keywords = keywords
        self._followers = followers
        self._failed: set[str] = set()

    def drain(self) -> None:
        """Apply all that waits.

        What fails in one dataset is logged and tried again later; it holds up no other.
        """
        failed: set[str] = set()
        while self._apply_some(failed):
            pass

    def rebuild(self, key: IndexKey, kinds: Collection[IndexKind] = KINDS) -> int:
        """Make the indexes of a generation anew from SQL, without reading a file or running a
        model, beside the present ones, which answer meanwhile if they are whole.

        Nothing that was removed is left in their files then. Returns the number of chunks indexed.
        Raises NotFound, IndexDamaged or StorageFull; the present ones stay.
        """
        with self.paused():
            with self._database.read() as tx:
                generations.embedder_of(tx, key)  # NotFound when the generation is gone
                rows = list(contents(tx, key))
            if "keyword" in kinds:
                self._keywords.rebuild_beside(key, batched(rows, ROWS_AT_ONCE))
            if "vector" in kinds:
                self._vectors.rebuild_beside(key, self._on_duty_still(key, rows))
            return len(rows)

    def forget(self, key: IndexKey) -> None:
        """Remove the indexes of a generation that is gone."""
        with self.paused():
            self._vectors.drop(key)
            self._keywords.drop(key)

    def _round(self) -> float:
        if self._apply_some(self._failed):
            return 0.0
        self._failed.clear()
        return POLL_S

    def _apply_some(self, failed: set[str]) -> bool:
        """Apply the next operations, of all but the failed datasets; False if there are none."""
        with self.paused():
            waiting = (*self._health.unchecked(), *self._health.damaged())
            besides = failed | {name.key.dataset_id for name in waiting}
            ops = bounded(self._database.reading(index_ops.oldest, OPS_AT_ONCE, besides=besides))
            for key, group in by_index(ops).items():
                began_s = time.time()
                try:
                    self._apply(key, group)
                    self._finish(key, group, began_s)
                except Unavailable as exc:  # a damaged one is made anew, and they wait
                    if not isinstance(exc, IndexDamaged):
                        logger.warning("%s cannot be indexed: %s", key.dataset_id, exc.detail)
                    failed.add(key.dataset_id)
                except Exception:  # the edge of a dataset: its operations stay
                    logger.exception("the indexes of %s cannot be updated", key.dataset_id)
                    failed.add(key.dataset_id)
            return bool(ops)

    def _apply(self, key: IndexKey, ops: Sequence[IndexOp]) -> None:
        """Adds, then removals: an add whose rows are gone adds nothing. After a drop nothing else
        counts, for the number of a generation does not come again."""
        if any(op.kind == "drop" for op in ops):
            self.forget(key)
            return
        try:
            with self._database.read() as tx:
                rows = list(rows_added(tx, ops))
            self._upsert(key, rows)
        except NotFound:  # the dataset or the generation was deleted meanwhile
            self.forget(key)
            return
        removals = [op for op in ops if op.kind == "remove"]
        if removals:
            lost = self._lost_texts(key, removals)
            self.check_duty()
            self._vectors.remove(key, lost)
            self._keywords.remove(key, [name for op in removals for name in op.chunk_ids()])

    def _lost_texts(self, key: IndexKey, removals: Sequence[IndexOp]) -> list[str]:
        """The texts that no chunk has any more, be it live or on its way to be."""
        gone = {name for op in removals for name in op.texts}
        return sorted(gone - self._database.reading(texts.with_chunks, key, gone))

    def _upsert(self, key: IndexKey, rows: Sequence[tuple[str, str]]) -> None:
        for part in batched(rows, ROWS_AT_ONCE):
            known = self._add_vectors(key, part)
            self._keywords.upsert(key, [row for row in part if row[0] in known])

    def _add_vectors(self, key: IndexKey, rows: Sequence[tuple[str, str]]) -> set[str]:
        """Returns the ids that have a vector; others were deleted since: their removal follows."""
        known: set[str] = set()
        for chunk_ids, (names, vectors) in self._vector_parts(key, rows):
            self.check_duty()
            self._vectors.add(key, names, vectors)
            known.update(chunk_ids)
        return known

    def _on_duty_still(
        self, key: IndexKey, rows: Sequence[tuple[str, str]]
    ) -> Iterator[tuple[list[str], Vectors]]:
        """The rows of an index that is made anew; it takes the place of the present one behind the
        last of them, unless that has changed meanwhile."""
        for _, part in self._vector_parts(key, rows):
            self.check_duty()
            yield part
        self.check_duty()

    def _vector_parts(
        self, key: IndexKey, rows: Sequence[tuple[str, str]]
    ) -> Iterator[tuple[Iterable[str], tuple[list[str], Vectors]]]:
        """The chunks that have a vector, and the rows for their texts, in parts that fit into
        memory. Equal texts are one row: `kb.store.content.texts` says why."""
        for part in batched(rows, ROWS_AT_ONCE):
            with self._database.read() as tx:
                embedder = generations.embedder_of(tx, key)
                found = embeddings.of_chunks(tx, embedder, [row[0] for row in part])
                names = texts.of_chunks(tx, found)
            by_text = {names[chunk_id]: vector for chunk_id, vector in found.items()}
            if by_text:
                yield found, (list(by_text), embeddings.stack(by_text, list(by_text)))

    def _finish(self, key: IndexKey, ops: Sequence[IndexOp], began_s: float) -> None:
        newest: dict[str, int] = {}
        for op in ops:
            if op.kind == "add" and op.document_id is not None and op.version is not None:
                newest[op.document_id] = max(op.version, newest.get(op.document_id, 0))
        if self._followers is not None:
            self._followers.wait(key, ops[-1].seq)
        with self._database.write() as tx:
            self.check_duty()
            if self._followers is not None:
                self._followers.pass_by(tx, key, ops[-1].seq)
            indexed.make_all_live(tx, newest)
            index_ops.done(tx, list(ops))
        for version in newest.items():
            spans.document_step(version, "index", began_s, time.time())
            spans.document_ended(version)


def by_index(ops: Iterable[IndexOp]) -> dict[IndexKey, list[IndexOp]]:
    """The operations of each index, in order."""
    found: dict[IndexKey, list[IndexOp]] = defaultdict(list)
    for op in ops:
        found[IndexKey(op.dataset_id, op.generation)].append(op)
    return found


def rows_added(tx: Transaction, ops: Iterable[IndexOp]) -> Iterator[tuple[str, str]]:
    """(chunk id, text) of what operations add to the keyword index; of some the rows are gone."""
    added = {
        (op.document_id, op.version): op.generation
        for op in ops
        if op.kind in ("add", "fill") and op.document_id is not None and op.version is not None
    }
    return _named(tx, chunks.of_versions(tx, added))


def rows_of(tx: Transaction, chunk_ids: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(chunk id, text) of chunks and of those of the same documents."""
    parts = (chunk_id.split(".") for chunk_id in chunk_ids)
    versions = {(document, int(version)): int(number) for document, version, number, _ in parts}
    return _named(tx, chunks.of_versions(tx, versions))


def contents(tx: Transaction, key: IndexKey) -> Iterator[tuple[str, str]]:
    """(chunk id, text) of all that the keyword index of a generation should hold."""
    return _named(tx, chunks.live_of_dataset(tx, key.dataset_id, key.generation))


def _named(tx: Transaction, rows: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The texts with the name of their document above: people ask by it, and a law or a report
    seldom says in each paragraph what it is."""
    for part in batched(rows, ROWS_AT_ONCE):
        owners = [chunk_id.partition(".")[0] for chunk_id, _ in part]
        names = documents.names(tx, owners)
        for owner, (chunk_id, text) in zip(owners, part, strict=True):
            yield chunk_id, f"{plain_name(names.get(owner, ''))}\n{text}"


def bounded(ops: Sequence[IndexOp]) -> list[IndexOp]:
    """The first operations, as many as fit into memory together, and at least one."""
    chosen: list[IndexOp] = []
    size = 0
    for op in ops:
        size += op.chunk_count
        if chosen and size > ROWS_AT_ONCE:
            break
        chosen.append(op)
    return chosen
