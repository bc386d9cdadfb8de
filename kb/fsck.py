"""Checks every invariant of a data folder, and rebuilds what is derived.

Violations are sentences for people with a stable code for scripts. What can be repaired without
a file or a model is: indexes, stray originals. A missing original is a loss and stays reported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kb.errors import IndexDamaged
from kb.index.applier import Applier
from kb.protocols import IndexKey, KeywordIndex, VectorIndex
from kb.store import checks, chunks, datasets, documents, embeddings
from kb.store.database import Database
from kb.store.originals import Originals
from kb.types import Dataset, Scope

PROBED_VECTORS = 200
"""Vectors per dataset that must find themselves; all of them when there are fewer."""


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
    ) -> None:
        self._database = database
        self._originals = originals
        self._vectors = vectors
        self._keywords = keywords
        self._applier = applier

    def run(self, *, repair: bool = False) -> Report:
        """Apply what waits, check everything, and with `repair` rebuild what is derived."""
        self._applier.drain()
        repaired = list(self._repair()) if repair else []
        violations = tuple(self._violations())
        with self._database.read() as tx:
            return Report(documents.count(tx), chunks.count(tx), violations, tuple(repaired))

    def damaged_indexes(self, *, probe: bool) -> list[Dataset]:
        """The datasets whose indexes do not hold exactly what SQL says."""
        every = self._database.reading(datasets.every, Scope.admin())
        return [dataset for dataset in every if any(self._index_problems(dataset, probe=probe))]

    def _violations(self) -> Iterator[Violation]:
        for problem in self._database.integrity_problems():
            yield Violation("database", f"SQLite reports: {problem}.")
        with self._database.read() as tx:
            for code, detail in checks.problems(tx):
                yield Violation(code, detail)
        yield from self._original_problems()
        for dataset in self._database.reading(datasets.every, Scope.admin()):
            yield from self._index_problems(dataset, probe=True)

    def _original_problems(self) -> Iterator[Violation]:
        needed = self._database.reading(documents.original_hashes)
        for name in sorted(needed):
            path = self._originals.path(name)
            if not path.is_file():
                yield Violation("original_missing", f"The original {name} is not on disk.")
                continue
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != name:
                    yield Violation("original_changed", f"The original {name} has other bytes.")
        for name in sorted(set(self._originals.hashes()) - needed):
            yield Violation("original_stray", f"No document needs the original {name}.")

    def _index_problems(self, dataset: Dataset, *, probe: bool) -> Iterator[Violation]:
        key = IndexKey(dataset.id, dataset.generation)
        expected = self._database.reading(chunks.live_ids, dataset.id)
        for kind, index in (("vector", self._vectors), ("keyword", self._keywords)):
            try:
                held = index.ids(key)
            except IndexDamaged as exc:
                yield Violation(f"{kind}_index", f"Dataset {dataset.name!r}: {exc.detail}")
                continue
            missing, ghosts = len(expected - held), len(held - expected)
            if missing or ghosts:
                yield Violation(
                    f"{kind}_index",
                    f"Dataset {dataset.name!r}: the {kind} index lacks {missing} chunks "
                    f"and holds {ghosts} that are gone. `kb fsck --repair` rebuilds it.",
                )
        if probe:
            yield from self._unfindable(dataset, key, sorted(expected))

    def _unfindable(
        self, dataset: Dataset, key: IndexKey, expected: list[str]
    ) -> Iterator[Violation]:
        step = max(1, len(expected) // PROBED_VECTORS)
        sample = expected[::step]
        with self._database.read() as tx:
            found = embeddings.of_chunks(tx, dataset.embedder, sample)
        lost = [name for name in sample if name not in found or not self._finds(key, found[name])]
        if lost:
            yield Violation(
                "vector_search",
                f"Dataset {dataset.name!r}: {len(lost)} of {len(sample)} probed chunks are not "
                f"found by their own vector. `kb fsck --repair` rebuilds the index.",
            )

    def _finds(self, key: IndexKey, vector: np.ndarray) -> bool:
        # Equal texts have equal vectors, so the score decides and not the id.
        hits = self._vectors.query(key, vector.reshape(1, -1), 1)
        return bool(hits) and hits[0].score > 1 - 1e-3

    def _repair(self) -> Iterator[str]:
        if (orphans := self._database.writing(embeddings.collect_orphans)) > 0:
            yield f"Removed {orphans} embeddings that belonged to no chunk."
        for dataset in self.damaged_indexes(probe=True):
            count = self._applier.rebuild(dataset.id)
            yield f"Rebuilt the indexes of dataset {dataset.name!r}: {count} chunks."
        strays = set(self._originals.hashes()) - self._database.reading(documents.original_hashes)
        for name in sorted(strays):
            with self._database.write() as tx:
                if not documents.needs_original(tx, name):
                    self._originals.remove(name)
                    yield f"Removed the stray original {name}."
