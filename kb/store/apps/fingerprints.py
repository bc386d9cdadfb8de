"""How datasets stand when a version is published, so that a later difference can be explained."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from kb.store.content import datasets
from kb.store.engine.database import Transaction
from kb.store.engine.records import processing_to
from kb.types import Processing, PublishedDataset, Scope


def of_datasets(
    tx: Transaction, scope: Scope, dataset_ids: Sequence[str]
) -> tuple[PublishedDataset, ...]:
    """The state of those of the datasets that exist, in the order given."""
    return tuple(
        PublishedDataset(d.id, d.name, d.generation, d.embedder, processing_hash(d.processing))
        for d in datasets.of_ids(tx, scope, dataset_ids)
    )


def processing_hash(processing: Processing) -> str:
    """Sixteen hex digits, equal exactly where cleaning and splitting are."""
    written = json.dumps(processing_to(processing), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(written.encode()).hexdigest()[:16]
