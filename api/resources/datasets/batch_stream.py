"""The progress of an upload as events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from api.http.sse import Event
from api.resources.datasets.responses import BatchResponse, ProgressResponse
from api.threads import read
from kb.iteration import batched
from kb.knowledge_base import KnowledgeBase
from kb.store.engine.database import VARIABLES, Transaction
from kb.store.engine.paging import PageRequest
from kb.store.work import batches
from kb.store.work.batches import Batch, BatchItem
from kb.types import DocumentStatus, Scope

BatchEvents = (
    Event[Literal["document"], BatchItem]
    | Event[Literal["progress"], ProgressResponse]
    | Event[Literal["batch.completed"], BatchResponse]
)


class BatchProgress:
    """What has changed in a batch since it was looked at last."""

    def __init__(self, kb: KnowledgeBase, scope: Scope, batch_id: str) -> None:
        self._kb = kb
        self._scope = scope
        self._batch_id = batch_id
        self._seen: dict[str, DocumentStatus] = {}
        self._progress: ProgressResponse | None = None

    async def __call__(self) -> list[tuple[str, Any]]:
        """Events `document` and `progress`, at last `batch.completed`. Raises NotFound."""
        batch, changed = await read(self._kb, self._changes)
        events: list[tuple[str, Any]] = [("document", item) for item in changed]
        progress = ProgressResponse.model_validate(batch)
        if progress != self._progress:
            events.append(("progress", progress))
        if batch.is_completed:
            events.append(("batch.completed", BatchResponse.model_validate(batch)))
        self._progress = progress
        return events

    def _changes(self, tx: Transaction) -> tuple[Batch, list[BatchItem]]:
        found = batches.get(tx, self._scope, self._batch_id, PageRequest(0))
        if found.is_completed:
            found = batches.get(tx, self._scope, self._batch_id)
        states = batches.states(tx, self._batch_id)
        changed = sorted(key for key, status in states.items() if self._seen.get(key) != status)
        self._seen.update(states)
        return found, _items(tx, self._batch_id, changed)


def _items(tx: Transaction, batch_id: str, document_ids: Iterable[str]) -> list[BatchItem]:
    return [
        item
        for part in batched(document_ids, VARIABLES)
        for item in batches.some(tx, batch_id, part)
    ]
