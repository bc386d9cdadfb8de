"""Re-indexing beside: a dataset gets its next generation while the present one answers.

What is built, and how far it has come, stands in SQL; `ingest.work.reindexing` does the work. Here
is what people decide: to begin one, to switch to it, to go back, to remove it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from kb.errors import Conflict, GenerationIncomplete
from kb.models.embed.embedders import Embedders
from kb.store.content import datasets, generations, switching
from kb.store.engine.database import Database, Transaction
from kb.types import Dataset, Failure, Generation, GenerationCounts, Processing, Scope

SWITCH_WAIT_S = 10.0
"""How long a switch waits for documents that became searchable a moment ago."""
LOOK_S = 0.05


class Reindexing:
    """The generations of all datasets. Thread-safe."""

    def __init__(self, database: Database, embedders: Embedders) -> None:
        self._database = database
        self._embedders = embedders

    def begin(
        self,
        scope: Scope,
        dataset_id: str,
        *,
        processing: Processing | None = None,
        model: str | None = None,
    ) -> Generation:
        """Begin the next generation of a dataset.

        Args:
            processing: how it is cleaned and split; as the dataset is now if not given.
            model: its embedder, named as in KB_EMBEDDING__MODEL; the configured one if not given.

        Raises:
            NotFound: the dataset cannot be seen.
            Rejected: the model is not on this machine.
            Conflict: one is being built, or ready to be switched to.
        """
        self._database.reading(datasets.get, scope, dataset_id)
        name = model or self._embedders.configured
        fingerprint = self._embedders.named(name).fingerprint
        with self._database.write() as tx:
            dataset = datasets.get(tx, scope, dataset_id)
            _refuse_second(dataset, generations.of_dataset(tx, dataset))
            return generations.create(
                tx,
                dataset,
                processing=processing or dataset.processing,
                embedder=fingerprint,
                model=name,
            )

    def every(self, scope: Scope, dataset_id: str) -> list[tuple[Generation, GenerationCounts]]:
        """The generations of a dataset and how far each has come, oldest first. Raises NotFound."""
        with self._database.read() as tx:
            found = generations.of_dataset(tx, datasets.get(tx, scope, dataset_id))
            return [(each, generations.counts(tx, each)) for each in found]

    def look(
        self, scope: Scope, dataset_id: str, number: int
    ) -> tuple[Generation, GenerationCounts]:
        """One generation and how far it has come. Raises NotFound."""
        with self._database.read() as tx:
            found = generations.get(tx, datasets.get(tx, scope, dataset_id), number)
            return found, generations.counts(tx, found)

    def failures(
        self, scope: Scope, dataset_id: str, number: int
    ) -> list[tuple[str, str, Failure]]:
        """(document id, name, why) of what a generation could not take in. Raises NotFound."""
        with self._database.read() as tx:
            found = generations.get(tx, datasets.get(tx, scope, dataset_id), number)
            return generations.failures(tx, found)

    def switch(self, scope: Scope, dataset_id: str, number: int) -> Dataset:
        """Let another generation answer, from one search to the next.

        Raises:
            NotFound: the dataset or the generation cannot be seen.
            GenerationIncomplete: it is being built, or lacks what was uploaded a moment ago.
        """
        found, counts = self.look(scope, dataset_id, number)
        if found.status == "building":
            raise GenerationIncomplete(
                f"Generation {number} is being built: {counts.pending} documents are left. "
                "Wait until it is ready."
            )
        return self._patiently(lambda tx: switching.switch(tx, scope, dataset_id, number))

    def roll_back(self, scope: Scope, dataset_id: str) -> Dataset:
        """Let the generation answer again that did before.

        Raises:
            NotFound: the dataset cannot be seen.
            Conflict: there is none to go back to.
        """
        return self._patiently(lambda tx: switching.roll_back(tx, scope, dataset_id))

    def remove(self, scope: Scope, dataset_id: str, number: int) -> None:
        """Remove a generation; one that is being built is given up.

        Raises:
            NotFound: the dataset or the generation cannot be seen.
            Conflict: it is the live one.
        """
        self._database.writing(switching.remove, scope, dataset_id, number)

    def remove_expired(self, keep_s: float) -> None:
        """Remove the generations that were replaced longer ago than `keep_s` seconds."""
        oldest = (datetime.now(UTC) - timedelta(seconds=keep_s)).isoformat(timespec="milliseconds")
        for dataset, found in self._database.reading(generations.beside):
            if found.retired_at is not None and found.retired_at < oldest.replace("+00:00", "Z"):
                self.remove(Scope.admin(), dataset.id, found.number)

    def _patiently(self, change: Callable[[Transaction], Dataset]) -> Dataset:
        deadline = time.monotonic() + SWITCH_WAIT_S
        while True:
            try:
                return self._database.writing(change)
            except GenerationIncomplete:
                if time.monotonic() > deadline:
                    raise
            time.sleep(LOOK_S)


def _refuse_second(dataset: Dataset, found: list[Generation]) -> None:
    for each in found:
        if each.status in ("building", "ready"):
            raise Conflict(
                f"Generation {each.number} of dataset {dataset.name!r} is {each.status} already. "
                "Switch to it or remove it first."
            )
