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

from kb.errors import DatabaseDamaged, NotFound, StorageFull, Unavailable
from kb.files.owners import Owner
from kb.index.applier import Applier
from kb.protocols import KINDS, IndexKey
from kb.store.content import chunks, documents, embeddings, generations
from kb.store.engine.database import Database, Transaction
from kb.store.upkeep import checks
from kb.store.work import batch_control
from kb.types import Dataset
from kb.upkeep.index_check import IndexCheck
from kb.upkeep.repairing import Repairing
from kb.upkeep.strays import Strays, Violation

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
        check: IndexCheck,
        applier: Applier,
        repairing: Repairing,
        owner: Owner,
    ) -> None:
        self._database = database
        self.strays = strays
        self._check = check
        self._applier = applier
        self._repairing = repairing
        self._owner = owner

    def run(self, *, repair: bool = False) -> Report:
        """Finish what waits, check everything, and with `repair` rebuild what is derived.

        Nothing is repaired on the word of a damaged database.
        """
        broken = self._database.integrity_problems()
        found = [Violation("database", f"{problem}.") for problem in broken]
        found += _guarded("what waits for the indexes", self._drained)
        repaired = list(self._repair()) if repair and not found else []
        found += self._violations()
        advice = dict.fromkeys(ADVICE[each.code] for each in found if each.code in ADVICE)
        if lost := self._lost():
            advice[LOST.format(count=lost, folder=self.strays.lost_in)] = None
        counts = self._count(documents.count), self._count(chunks.count)
        return Report(*counts, lost, tuple(found), tuple(repaired), tuple(advice))

    def datasets(self) -> list[Dataset]:
        """Every dataset, once for each of its generations, as it would be with that one live."""
        with self._database.read() as tx:
            return [generations.seen(tx, d, g.number) for d, g in generations.every(tx)]

    def _drained(self) -> Iterator[Violation]:
        self._repairing.settle()  # else half-built indexes would count as damaged
        self._applier.drain()
        yield from ()

    def _count(self, count: Callable[[Transaction], int]) -> int | None:
        try:
            return self._database.reading(count)
        except DatabaseDamaged:
            return None

    def _lost(self) -> int:
        try:
            return self.strays.count_lost()
        except Unavailable:  # the check of the originals has said so
            return 0

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
        key = IndexKey(dataset.id, dataset.generation)
        with self._applier.paused(), suppress(NotFound):  # deleted meanwhile
            return [
                Violation(code, f"Dataset {dataset.name!r}: {detail}")
                for kind in KINDS
                for code, detail in self._check.problems(key, kind)
            ]
        return []

    def _repair(self) -> Iterator[str]:
        if (orphans := embeddings.collect_left(self._database, self._owner.living())) > 0:
            yield f"Removed {orphans} embeddings that belonged to no chunk."
        for document_id, name, _ in self._database.reading(checks.stuck):
            self._database.writing(batch_control.requeue_document, document_id)
            yield f"Queued document {name!r} again."
        for dataset in self.datasets():
            if self._index_problems(dataset):
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
