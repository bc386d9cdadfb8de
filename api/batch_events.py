"""The progress of an upload as events. They say what is, not what was: a client that comes back
gets the present state of every document first, so no progress is ever missed."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

import anyio

from api import encoders, sse
from api.threads import read
from kb.errors import NotFound
from kb.knowledge_base import KnowledgeBase
from kb.store import batches
from kb.store.batches import Batch
from kb.types import Scope

POLL_S = 0.3
POLL_SHARE = 10
"""A large batch is looked at less often: at most a tenth of the time goes into looking."""


async def batch_stream(
    kb: KnowledgeBase, scope: Scope, first: Batch, *, after: int, closing: anyio.Event
) -> AsyncGenerator[bytes, None]:
    """Frames `document`, `progress` and at last `batch.completed`; ids go on from `after`.

    Ends early when the server shuts down or the batch is deleted.
    """
    seen: dict[str, str] = {}
    number = after
    async with aclosing(_states(kb, scope, first, closing)) as states:
        async for state in states:
            changed = [i for i in state.documents if seen.get(i.document_id) != i.status]
            seen.update((item.document_id, item.status) for item in changed)
            named = [("document", encoders.batch_item(item)) for item in changed]
            if changed or number == after:
                named.append(("progress", encoders.progress(state)))
            if state.is_completed:
                named.append(("batch.completed", encoders.batch(state)))
            frames = [sse.frame(number + n, *event) for n, event in enumerate(named, start=1)]
            number += len(named)
            if frames:
                yield b"".join(frames)


async def _states(
    kb: KnowledgeBase, scope: Scope, state: Batch, closing: anyio.Event
) -> AsyncGenerator[Batch, None]:
    """The batch again and again, until it is completed."""
    pause = POLL_S
    while True:
        yield state
        if state.is_completed:
            return
        with anyio.move_on_after(pause):
            await closing.wait()
        if closing.is_set():
            return
        began = time.perf_counter()
        try:
            state = await read(kb, batches.get, scope, state.id)
        except NotFound:  # its dataset was deleted
            return
        pause = max(POLL_S, POLL_SHARE * (time.perf_counter() - began))
