"""Checks every invariant of a data folder, and rebuilds what is derived.

Violations are sentences for people with a stable code for scripts. A check that meets what it
cannot read says so, and the others go on. What can be repaired without a file or a model is:
indexes, unused embeddings; and a document that nothing works on is queued again. An original that
no row knows is moved to `lost/` and never deleted: it may be the rows that are lost. A missing
original is a loss and stays reported. Documents may come and go while a check runs: the indexes
stand still for it, and what looks wrong with a file is looked at twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import numpy as np

from kb.errors import DatabaseDamaged, IndexDamaged, StorageFull
from kb.files.owners import Owner
from kb.index.applier import Applier
from kb.protocols import IndexKey, KeywordIndex, VectorIndex
from kb.store.content import chunks, documents, embeddings, generations, index_ops, texts
from kb.store.engine import dialect
from kb.store.engine.database import Database, Transaction
from kb.store.upkeep import checks
from kb.store.work import batch_control
from kb.types import Dataset
from kb.upkeep.strays import Strays, Violation

PROBED_VECTORS = 200
"""Vectors per dataset that must find themselves; all of them when there are fewer."""

_RESTORE = (
    "The database is damaged: stop the server, keep a copy of the data folder, and restore the "
    "last backup into a new one (`kb restore FILE --data-dir NEW`). What was uploaded since then "
    "is still in originals/."
)
_UPLOAD = "An original that is lost cannot be made again: upload the file once more."
ADVICE = {
    "database": _RESTORE,
    "unreadable": _RESTORE,
    "original_missing": _UPLOAD,
    "original_changed": _UPLOAD,
    "original_stray": "`kb fsck --repair` moves originals that no document needs to lost/.",
}
"""Code of a violation → what to do about it, where the violation does not say so itself."""
LOST = "{count} files lie in {folder}, which no document needs. Look at them, then delete them."


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found, and what it repaired."""

    documents: int | None
    chunks: int | None
    lost: int
    violations: tuple[Violation, ...]
    repaired: tuple[str, ...]
    advice: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        """Whether every promise is kept."""
        return not self.violations


class Fsck:
    """The checker of one data folder."""

    def __init__(
        self,
        database: Database,
        strays: Strays,
        vectors: VectorIndex,
        keywords: KeywordIndex,
        applier: Applier,
        owner: Owner,
    ) -> None:
        self._database = database
        self.strays = strays
        self._vectors = vectors
        self._keywords = keywords
        self._applier = applier
        self._owner = owner
        self._indexes: dict[str, VectorIndex | KeywordIndex]
        self._indexes = {"vector": vectors, "keyword": keywords}

    def run(self, *, repair: bool = False) -> Report:
        """Apply what waits, check everything, and with `repair` rebuild what is derived.

        Nothing is repaired on the word of a damaged database.
        """
        broken = self._database.reading(dialect.integrity_problems)
        found = [Violation("database", f"{problem}.") for problem in broken]
        found += _guarded("what waits for the indexes", self._drained)
        repaired = list(self._repair()) if repair and not found else []
        found += self._violations()
        folder = self.strays.folder
        advice = dict.fromkeys(ADVICE[each.code] for each in found if each.code in ADVICE)
        if lost := len(folder.lost_files()):
            advice[LOST.format(count=lost, folder=folder.lost)] = None
        counts = self._count(documents.count), self._count(chunks.count)
        return Report(*counts, lost, tuple(found), tuple(repaired), tuple(advice))

    def datasets(self) -> list[Dataset]:
        """Every dataset, once for each of its generations, as it would be with that one live."""
        with self._database.read() as tx:
            return [generations.seen(tx, d, g.number) for d, g in generations.every(tx)]

    def is_damaged(self, dataset: Dataset) -> bool:
        """Whether the indexes of a generation do not hold exactly what SQL says."""
        return bool(self._index_problems(dataset))

    def lacks_keywords(self, dataset: Dataset) -> bool:
        """Whether the keyword index of a generation does not hold exactly what SQL says."""
        with self._applier.paused():
            return any(self._differences(dataset, "keyword"))

    def lacks_vectors(self, dataset: Dataset) -> bool:
        """Whether the vector index of a generation holds and finds anything but what SQL says."""
        with self._applier.paused():
            try:
                return any(self._differences(dataset, "vector")) or any(self._unfindable(dataset))
            except IndexDamaged:
                return True

    def _drained(self) -> Iterator[Violation]:
        self._applier.drain()
        yield from ()

    def _count(self, count: Callable[[Transaction], int]) -> int | None:
        try:
            return self._database.reading(count)
        except DatabaseDamaged:
            return None

    def _violations(self) -> Iterator[Violation]:
        for what, check in checks.CHECKS.items():
            yield from _guarded(what, partial(self._row_problems, check))
        yield from _guarded("the originals", self.strays.problems)
        yield from _guarded("the indexes", self._problems_of_indexes)

    def _row_problems(self, check: checks.Check) -> Iterator[Violation]:
        with self._database.read() as tx:
            yield from (Violation(code, detail) for code, detail in check(tx))

    def _problems_of_indexes(self) -> Iterator[Violation]:
        for dataset in self.datasets():
            check = partial(self._index_problems, dataset)
            yield from _guarded(f"the indexes of dataset {dataset.name!r}", check)

    def _index_problems(self, dataset: Dataset) -> list[Violation]:
        with self._applier.paused():
            found = [*self._differences(dataset, "vector", "keyword")]
            with suppress(IndexDamaged):  # that is among the differences already
                found += self._unfindable(dataset)
        return found

    def _differences(self, dataset: Dataset, *kinds: str) -> Iterator[Violation]:
        key = IndexKey(dataset.id, dataset.generation)
        for kind in kinds:
            try:
                held = self._indexes[kind].ids(key)
            except IndexDamaged as exc:
                yield Violation(f"{kind}_index", f"Dataset {dataset.name!r}: {exc.detail}")
                continue
            expected, waiting = self._database.reading(_promised, key, kind)
            missing, ghosts = len(expected - held - waiting), len(held - expected - waiting)
            if missing or ghosts:
                yield Violation(
                    f"{kind}_index",
                    f"Dataset {dataset.name!r}: the {kind} index lacks {missing} {_ROWS[kind]} "
                    f"and holds {ghosts} that are gone. `kb fsck --repair` rebuilds it.",
                )

    def _unfindable(self, dataset: Dataset) -> Iterator[Violation]:
        key = IndexKey(dataset.id, dataset.generation)
        with self._database.read() as tx:
            expected, waiting = _promised(tx, key, "vector")
            known = sorted(expected - waiting)
            sample = known[:: max(1, len(known) // PROBED_VECTORS)]
            found = embeddings.of_texts(tx, dataset.embedder, sample)
        lost = [name for name in sample if name not in found or not self._finds(key, found[name])]
        if lost:
            yield Violation(
                "vector_search",
                f"Dataset {dataset.name!r}: {len(lost)} of {len(sample)} probed texts are not "
                f"found by their own vector. `kb fsck --repair` rebuilds the index.",
            )

    def _finds(self, key: IndexKey, vector: np.ndarray) -> bool:
        # Some texts have equal vectors, so the score decides and not the name.
        hits = self._vectors.query(key, vector.reshape(1, -1), 1)
        return bool(hits) and hits[0].score > 1 - 1e-3

    def _repair(self) -> Iterator[str]:
        if (orphans := embeddings.collect_left(self._database, self._owner.living())) > 0:
            yield f"Removed {orphans} embeddings that belonged to no chunk."
        for document_id, name, _ in self._database.reading(checks.stuck):
            self._database.writing(batch_control.requeue_document, document_id)
            yield f"Queued document {name!r} again."
        for dataset in self.datasets():
            if self.is_damaged(dataset):
                count = self._applier.rebuild(IndexKey(dataset.id, dataset.generation))
                yield f"Rebuilt the indexes of dataset {dataset.name!r}: {count} chunks."
        yield from self.strays.put_away()


def _guarded(what: str, check: Callable[[], Iterable[Violation]]) -> Iterator[Violation]:
    try:
        yield from check()
    except StorageFull:
        raise
    except Exception as exc:  # the edge of a check: damaged rows can raise anything
        reason = (
            "the database is damaged" if isinstance(exc, DatabaseDamaged) else type(exc).__name__
        )
        yield Violation("unreadable", f"Could not check {what}: {reason}.")


_ROWS = {"vector": "texts", "keyword": "chunks"}
"""What the rows of an index stand for."""


def _promised(tx: Transaction, key: IndexKey, kind: str) -> tuple[set[str], set[str]]:
    """The rows that an index must hold, and those about which a step is not applied yet."""
    if kind == "vector":
        return texts.live(tx, key), index_ops.waiting_texts(tx, key)
    expected = chunks.live_ids(tx, key.dataset_id, key.generation)
    return expected, index_ops.waiting_ids(tx, key.dataset_id, key.generation)
