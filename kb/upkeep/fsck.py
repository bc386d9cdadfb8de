"""Checks every invariant of a data folder, and rebuilds what is derived.

Violations are sentences for people with a stable code for scripts. What can be repaired without
a file or a model is: indexes, stray originals, unused embeddings; and a document that nothing works
on is queued again. A missing original is a loss and stays reported. Documents may come and go while
a check runs: the indexes stand still for it, and what looks wrong with a file is looked at twice.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from kb.errors import IndexDamaged
from kb.files.originals import Originals
from kb.files.owners import Owner
from kb.index.applier import Applier
from kb.protocols import IndexKey, KeywordIndex, VectorIndex
from kb.store.content import chunks, documents, embeddings, generations, index_ops, texts
from kb.store.engine import dialect
from kb.store.engine.database import Database, Transaction
from kb.store.upkeep import checks
from kb.store.work import batch_control
from kb.types import Dataset

PROBED_VECTORS = 200
"""Vectors per dataset that must find themselves; all of them when there are fewer."""

SETTLE_S = 0.3
LOOKS = 10
"""Whoever deletes a document removes its original next, when it is its turn to write: what seems a
stray is looked at again after some seconds, up to so many times."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found, and what it repaired."""

    documents: int
    chunks: int
    violations: tuple[Violation, ...]
    repaired: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        """Whether every promise is kept."""
        return not self.violations


class Fsck:
    """The checker of one data folder."""

    def __init__(
        self,
        database: Database,
        originals: Originals,
        vectors: VectorIndex,
        keywords: KeywordIndex,
        applier: Applier,
        owner: Owner,
    ) -> None:
        self._database = database
        self._originals = originals
        self._vectors = vectors
        self._keywords = keywords
        self._applier = applier
        self._owner = owner
        self._indexes: dict[str, VectorIndex | KeywordIndex]
        self._indexes = {"vector": vectors, "keyword": keywords}

    def run(self, *, repair: bool = False) -> Report:
        """Apply what waits, check everything, and with `repair` rebuild what is derived."""
        self._applier.drain()
        repaired = list(self._repair()) if repair else []
        violations = tuple(self._violations())
        with self._database.read() as tx:
            return Report(documents.count(tx), chunks.count(tx), violations, tuple(repaired))

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

    def remove_strays(self) -> Iterator[str]:
        """Delete the originals that no document needs, as a crash may leave them."""
        for name in self._strays():
            with self._database.write() as tx:
                if not documents.needs_original(tx, name):
                    self._originals.remove(name)
                    yield f"Removed the stray original {name}."

    def _violations(self) -> Iterator[Violation]:
        for problem in self._database.reading(dialect.integrity_problems):
            yield Violation("database", f"SQLite reports: {problem}.")
        with self._database.read() as tx:
            for code, detail in checks.problems(tx):
                yield Violation(code, detail)
        yield from self._original_problems()
        for dataset in self.datasets():
            yield from self._index_problems(dataset)

    def _original_problems(self) -> Iterator[Violation]:
        for name in sorted(self._database.reading(documents.original_hashes)):
            problem = self._original_problem(name)
            if problem is not None and self._database.reading(documents.needs_original, name):
                yield problem
        for name in sorted(self._lasting_strays()):
            with self._database.write() as tx:  # an upload in progress has added its rows by now
                is_stray = not documents.needs_original(tx, name)
            if is_stray:
                yield Violation("original_stray", f"No document needs the original {name}.")

    def _original_problem(self, name: str) -> Violation | None:
        try:
            with self._originals.path(name).open("rb") as file:
                is_whole = hashlib.file_digest(file, "sha256").hexdigest() == name
        except OSError as exc:
            return Violation(
                "original_missing", f"The original {name} cannot be read: {exc.strerror}."
            )
        changed = Violation("original_changed", f"The original {name} has other bytes.")
        return None if is_whole else changed

    def _lasting_strays(self) -> set[str]:
        strays = set(self._strays())
        for _ in range(LOOKS):
            if not strays:
                break
            time.sleep(SETTLE_S)
            strays.intersection_update(self._strays())
        return strays

    def _strays(self) -> list[str]:
        held = set(self._originals.hashes())
        return sorted(held - self._database.reading(documents.original_hashes))

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
        yield from self.remove_strays()


_ROWS = {"vector": "texts", "keyword": "chunks"}
"""What the rows of an index stand for."""


def _promised(tx: Transaction, key: IndexKey, kind: str) -> tuple[set[str], set[str]]:
    """The rows that an index must hold, and those about which a step is not applied yet."""
    if kind == "vector":
        return texts.live(tx, key), index_ops.waiting_texts(tx, key)
    expected = chunks.live_ids(tx, key.dataset_id, key.generation)
    return expected, index_ops.waiting_ids(tx, key.dataset_id, key.generation)
