"""Generations as JSON, and the building of one as events: what is, not what was."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import anyio

from api.deps import Json
from api.http import sse
from api.resources.datasets.processing import processing_fields
from api.threads import in_thread
from kb.access import OpenStream
from kb.errors import NotFound
from kb.knowledge_base import KnowledgeBase
from kb.types import Generation, GenerationCounts, Scope

POLL_S = 0.5

Look = tuple[Generation, GenerationCounts]


def encoded(look: Look) -> Json:
    """A generation and how far it has come; `failed` documents are not in it."""
    value, counts = look
    return {
        "dataset_id": value.dataset_id,
        "generation": value.number,
        "status": value.status,
        "processing": processing_fields(value.processing),
        "embedder": value.embedder,
        "model": value.model,
        **progress(counts),
        "created_at": value.created_at,
        "ready_at": value.ready_at,
        "live_at": value.live_at,
        "retired_at": value.retired_at,
    }


def progress(counts: GenerationCounts) -> Json:
    """Documents by what has become of them, and chunks."""
    return {
        "documents": counts.documents,
        "ready": counts.ready,
        "failed": counts.failed,
        "pending": counts.pending,
        "chunks": counts.chunks,
    }


async def generation_stream(
    kb: KnowledgeBase,
    scope: Scope,
    named: tuple[str, int],
    *,
    after: int,
    closing: anyio.Event,
    stream: OpenStream,
) -> AsyncGenerator[bytes, None]:
    """Frames `progress`, and at last `generation.ready`; ids go on from `after`.

    Ends early when the server shuts down, the generation is removed or the key ends.
    """
    number, last = after, None
    while True:
        try:
            look = await in_thread(kb.reindexing.look, scope, *named)
        except NotFound:
            return
        events = [("progress", state)] if (state := progress(look[1])) != last else []
        is_built = look[0].status != "building"
        if is_built:
            events.append(("generation.ready", encoded(look)))
        frames = [sse.frame(number + n, *event) for n, event in enumerate(events, start=1)]
        number, last = number + len(frames), state
        if frames:
            yield b"".join(frames)
        if is_built:
            return
        with anyio.move_on_after(POLL_S):
            await closing.wait()
        if closing.is_set() or stream.is_revoked:
            return
