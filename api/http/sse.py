"""Server-sent events: run events as frames of pure ASCII, ids counted from 1.

Each frame is built once as bytes, and everything that is waiting goes out in one write. JSON in
events is ASCII, so no character of a token can break a frame or its encoding.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from json.encoder import encode_basestring_ascii
from typing import Any

from sse_starlette import EventSourceResponse, ServerSentEvent

from api.resources.chat import responses
from kb.access import OpenStream
from kb.chat.run.run import Numbered, Run
from kb.types import TERMINAL_EVENTS, Delta, Failed, Failure, RunEvent

logger = logging.getLogger(__name__)

PING_S = 10
SEND_TIMEOUT_S = 30.0
HEADERS = {"cache-control": "no-cache, no-transform", "x-accel-buffering": "no"}

BROKEN = Failed(
    Failure("internal_error", "Something went wrong on our side. The log has the details."),
    retryable=True,
)

KEY_ENDED = Failed(
    Failure(
        "unauthenticated",
        "The key of this stream was revoked, rotated or has expired. Go on with a valid one.",
    ),
    retryable=False,
)


def frame(number: int, name: str, data: Any) -> bytes:
    """One event."""
    return f"id: {number}\nevent: {name}\ndata: {json.dumps(data)}\n\n".encode("ascii")


def run_frame(number: int, value: RunEvent, *, full: bool) -> bytes:
    """One run event; the frequent one takes a short way."""
    if type(value) is Delta:
        text = encode_basestring_ascii(value.text)
        return f'id: {number}\nevent: delta\ndata: {{"text": {text}}}\n\n'.encode("ascii")
    name, data = responses.event(value, full=full)
    return frame(number, name, data)


def run_frames(batch: Sequence[Numbered], *, full: bool) -> bytes:
    """All the events of a batch, to be sent in one write."""
    return b"".join([run_frame(number, value, full=full) for number, value in batch])


async def run_stream(
    run: Run, after: int, stream: OpenStream, *, full: bool
) -> AsyncIterator[bytes]:
    """Frames of a run from behind `after` to its terminal event, whatever happens on the way."""
    sent, ended = after, False
    stream.on_revoked(run.wake)
    try:
        async with aclosing(
            run.subscribe_batches(after, is_over=lambda: stream.is_revoked)
        ) as batches:
            async for batch in batches:
                encoded = run_frames(batch, full=full)
                sent, ended = batch[-1][0], isinstance(batch[-1][1], TERMINAL_EVENTS)
                yield encoded
        if not ended and stream.is_revoked:
            yield run_frame(sent + 1, KEY_ENDED, full=full)
    except Exception:  # the edge of a stream: a status cannot be sent any more
        logger.exception("the stream of run %s broke", run.run_id)
        if not ended:
            yield run_frame(sent + 1, BROKEN, full=full)


def event_stream(frames: AsyncIterator[bytes]) -> EventSourceResponse:
    """A response that streams frames, pings, and lets go of readers that stand still."""
    return EventSourceResponse(
        frames,
        headers=HEADERS,
        ping=PING_S,
        ping_message_factory=_ping,
        sep="\n",
        send_timeout=SEND_TIMEOUT_S,
    )


def _ping() -> ServerSentEvent:
    return ServerSentEvent(comment="ping", sep="\n")
