"""Deleting erases: soon after a deletion its text and vectors are in no file of the data folder.

A deleted document is out of every answer when the deletion commits. Its bytes stay a little longer
in the indexes' files, in pages and log of the database, and in answers that quoted it. A pass takes
all that is deleted together: it makes the indexes concerned anew, redacts the answers, compacts the
database, and looks for samples of the deleted text in every file. Only when nothing is found does a
document count as erased. What is pending stands in SQL: a crash delays a pass, it loses none.
"""

from __future__ import annotations

import json
import logging
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from kb.background import Loop
from kb.errors import IndexDamaged, NotFound, StorageFull, Unavailable
from kb.files.folder import DataFolder
from kb.files.originals import Originals
from kb.files.owners import Owner
from kb.index.applier import Applier
from kb.protocols import IndexKey
from kb.store.access.secrets import Secrets
from kb.store.apps import redaction
from kb.store.content import datasets, documents, embeddings, index_ops
from kb.store.engine.database import Database, Transaction
from kb.store.upkeep import erasures
from kb.store.upkeep.erasures import Erasure
from kb.types import Scope
from kb.upkeep.byte_scan import forms, scan

logger = logging.getLogger(__name__)

SAMPLED_DOCUMENTS = 50
"""Documents of one deletion whose text is looked for; the others go the same way."""
MOST_SAMPLES = 64
SHARE = 10
"""Erasing takes at most one part in so many of the time."""
LONGEST_S = 900.0
RETRY_S = 10.0
POLL_S = 60.0
UNVERIFIED_S = 0.5

Check = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass did: how many documents it erased, and how many are left."""

    erased: int
    pending: int


class Erasing(Loop):
    """Erases in a thread of its own, or when called. Thread-safe; one pass at a time."""

    def __init__(
        self,
        database: Database,
        originals: Originals,
        applier: Applier,
        vault: Secrets,
        folder: DataFolder,
        owner: Owner,
        is_verified: Callable[[], bool],
        after_s: float,
    ) -> None:
        """
        Args:
            vault: seals the samples that are kept until the end of a pass.
            is_verified: whether the indexes may be touched.
            after_s: seconds from a deletion to its pass, for what else is deleted.
        """
        super().__init__("erase", self._round, database.wakeups, duty=database.duty)
        self._database = database
        self._originals = originals
        self._applier = applier
        self._vault = vault
        self._folder = folder
        self._process = owner
        self._is_verified = is_verified
        self._after_s = after_s
        self._earliest = 0.0
        self._stained: set[str] = set()

    def remember(self, tx: Transaction, scope: Scope, document_ids: Sequence[str]) -> None:
        """Note documents in the transaction that deletes them, before it does."""
        nothing = self._vault.seal("[]")
        sampled = set(document_ids[:SAMPLED_DOCUMENTS])
        samples = {
            document_id: self._sampled(tx, document_id) if document_id in sampled else nothing
            for document_id in document_ids
        }
        erasures.add(tx, scope, samples)

    def receipt(self, scope: Scope, document_id: str) -> Erasure:
        """How far the erasure of a deleted document has come. Raises NotFound."""
        return self._database.reading(erasures.get, scope, document_id)

    def run(self) -> Pass:
        """Erase everything now that is deleted and not in anybody's hands.

        Raises:
            StorageFull: there is no room to make files anew; what is deleted stays pending.
        """
        with self.paused():
            pending = self._database.reading(erasures.pending)
            due = [each for each in pending if not self._wait_s(each.not_before)]
            is_done = not due or self._erase(due)
            left = self._database.reading(erasures.count_pending)
            return Pass(len(due) if is_done else 0, left)

    def _round(self) -> float:
        if not self._is_verified():
            return UNVERIFIED_S
        if pause_s := self._due_in_s():
            return pause_s
        began, is_done = time.monotonic(), False
        try:
            is_done = self.run().erased > 0
        except (IndexDamaged, StorageFull, Unavailable) as exc:
            logger.warning("deleted documents are not erased yet: %s", exc.detail)
        finally:
            took_s = time.monotonic() - began
            rest_s = max(SHARE * took_s, 0.0 if is_done else RETRY_S)
            self._earliest = time.monotonic() + min(LONGEST_S, rest_s)
        return self._due_in_s()

    def _due_in_s(self) -> float:
        """Seconds until the next pass."""
        pending = self._database.reading(erasures.pending)
        if not pending:
            return POLL_S
        moments = (
            max(_epoch(each.deleted_at) + self._after_s, each.not_before) for each in pending
        )
        return max(min(map(self._wait_s, moments)), self._earliest - time.monotonic())

    def _wait_s(self, moment: float) -> float:
        """Seconds until then; what is far off is of before the clock was set back, and due."""
        wait_s = moment - time.time()
        return wait_s if 0 < wait_s < 2 * max(self._after_s, erasures.IN_WORK_S) else 0.0

    def _sampled(self, tx: Transaction, document_id: str) -> bytes | None:
        texts = erasures.text_samples(tx, document_id)
        vectors = erasures.vector_samples(tx, document_id)
        if not texts and not vectors:
            return None
        encoded = [text.encode() for text in texts]
        return self._vault.seal(json.dumps([b64encode(p).decode() for p in encoded + vectors]))

    def _erase(self, due: Sequence[Erasure]) -> bool:
        ids = [each.document_id for each in due]
        owners = {each.dataset_id for each in due if each.samples is not None}
        renewed = self._rebuild_indexes(owners | self._stained)
        if renewed is None or self.is_stopping:
            return False
        living = self._process.living()
        answers = redaction.redact_all(self._database, ids)
        if any(each.was_in_work for each in due):
            embeddings.collect_left(self._database, living)
        is_compact = self._database.compact()
        checks = [
            {"what": "rows", "left": self._database.reading(erasures.rows_left, ids)},
            {"what": "originals", "left": self._originals_left(due)},
            {"what": "indexes", "renewed": renewed},
            {"what": "answers", "redacted": answers},
            {"what": "database", "compacted": is_compact},
            self._byte_check(due),
        ]
        if not is_compact or any(check.get("left") for check in checks):
            logger.warning("%d deleted documents are not erased yet: %s", len(due), checks)
            return False
        self._database.writing(erasures.finish, ids, checks)
        logger.info("%d deleted documents are erased", len(due))
        return True

    def _rebuild_indexes(self, dataset_ids: Collection[str]) -> int | None:
        """Make the indexes of all generations of some datasets anew; None if one cannot be yet."""
        self._applier.drain()
        number = 0
        for dataset_id in sorted(dataset_ids):
            with self._database.read() as tx:
                waits = index_ops.waiting_removal(tx, dataset_id)
                generations = datasets.generations_of(tx, dataset_id)
            if waits:
                logger.info("%d removals have yet to reach the indexes; erasing waits", waits)
                return None
            for generation in generations:
                if self.is_stopping:
                    return None
                try:
                    self._applier.rebuild(IndexKey(dataset_id, generation))
                except NotFound:  # removed meanwhile, and its folder with it
                    continue
                number += 1
        return number

    def _originals_left(self, due: Iterable[Erasure]) -> int:
        """Files of the deleted documents that are there though nobody needs them."""
        names = {name for each in due for name in each.originals}
        with self._database.read() as tx:
            return sum(
                self._originals.has(name) and not documents.needs_original(tx, name)
                for name in names
            )

    def _byte_check(self, due: Iterable[Erasure]) -> Check:
        """Look for samples of what was deleted in every file.

        What stands rightly elsewhere, because another document or a conversation has the same
        words, is named and does not count. Indexes in which something is found are made anew by the
        next pass, whosesoever they are: their library may write old memory of this process.
        """
        samples = self._unsealed(due)[:MOST_SAMPLES]
        seen = scan(self._folder, samples)
        self._stained.clear()
        repeated: set[str] = set()
        left = 0
        for sample, paths in seen.found.items():
            tables = self._database.reading(erasures.tables_with, forms(sample))
            repeated.update(tables)
            left += not tables
            if not tables:
                self._stained.update(filter(None, map(self._owner, paths)))
        head = {"what": "bytes", "samples": len(samples), "files": seen.files, "left": left}
        return {**head, "repeated_in": sorted(repeated)}

    def _owner(self, path: Path) -> str:
        """The dataset to whose indexes a file belongs; empty if it is of no index."""
        inside = self._folder.index in path.parents
        return path.relative_to(self._folder.index).parts[0] if inside else ""

    def _unsealed(self, due: Iterable[Erasure]) -> list[bytes]:
        sealed = (each.samples for each in due if each.samples is not None)
        return [
            b64decode(piece)
            for each in sealed
            for piece in json.loads(self._vault.unseal(each) or "[]")
        ]


def _epoch(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
