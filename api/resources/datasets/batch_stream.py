"""The progress of an upload as events. They say what is, not what was: a client that comes back
gets the present state of every document first, so no progress is ever missed."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import anyio

from api.http import sse
from api.resources import encoders
from api.threads import read
from kb.access import OpenStream
from kb.errors import NotFound
from kb.iteration import batched
from kb.knowledge_base import KnowledgeBase
from kb.store.engine.database import VARIABLES, Transaction
from kb.store.engine.paging import PageRequest
from kb.store.work import batches
from kb.store.work.batches import Batch, BatchItem
from kb.types import DocumentStatus, Scope

POLL_S = 0.3
POLL_SHARE = 10
"""A large batch is looked at less often: at most a tenth of the time goes into looking."""

NOTHING = PageRequest(0)


@dataclass(frozen=True, slots=True)
class _Look:
    """A batch at one moment, and the documents that have changed since the last look."""

    batch: Batch
    changed: tuple[BatchItem, ...]


async def batch_stream(
    kb: KnowledgeBase,
    scope: Scope,
    batch_id: str,
    *,
    after: int,
    closing: anyio.Event,
    stream: OpenStream,
) -> AsyncGenerator[bytes, None]:
    """Frames `document`, `progress` and at last `batch.completed`; ids go on from `after`.

    Ends early when the server shuts down, the batch is deleted or the key ends.
    """
    number, last = after, None
    async with aclosing(_looks(kb, scope, batch_id, closing, stream)) as looks:
        async for look in looks:
            named: list[tuple[str, Any]] = [
                ("document", encoders.batch_item(item)) for item in look.changed
            ]
            progress = encoders.progress(look.batch)
            if progress != last:
                named.append(("progress", progress))
            if look.batch.is_completed:
                named.append(("batch.completed", encoders.batch(look.batch)))
            frames = [sse.frame(number + n, *event) for n, event in enumerate(named, start=1)]
            number, last = number + len(named), progress
            for part in batched(frames, VARIABLES):
                yield b"".join(part)


async def _looks(
    kb: KnowledgeBase, scope: Scope, batch_id: str, closing: anyio.Event, stream: OpenStream
) -> AsyncGenerator[_Look, None]:
    """The batch again and again, until it is completed."""
    seen: dict[str, DocumentStatus] = {}
    while True:
        began = time.perf_counter()
        try:
            look = await read(kb, _look, scope, batch_id, seen)
        except NotFound:  # its dataset was deleted
            return
        took_s = time.perf_counter() - began
        yield look
        if look.batch.is_completed:
            return
        with anyio.move_on_after(max(POLL_S, POLL_SHARE * took_s)):
            await closing.wait()
        if closing.is_set() or stream.is_revoked:
            return


def _look(tx: Transaction, scope: Scope, batch_id: str, seen: dict[str, DocumentStatus]) -> _Look:
    """One snapshot; `seen` is brought up to date."""
    found = batches.get(tx, scope, batch_id, NOTHING)
    if found.is_completed:
        found = batches.get(tx, scope, batch_id)
    states = batches.states(tx, batch_id)
    changed = [key for key, status in states.items() if seen.get(key) != status]
    seen.update(states)
    return _Look(found, tuple(_items(tx, batch_id, sorted(changed))))


def _items(tx: Transaction, batch_id: str, document_ids: Iterable[str]) -> list[BatchItem]:
    return [
        item
        for part in batched(document_ids, VARIABLES)
        for item in batches.some(tx, batch_id, part)
    ]
