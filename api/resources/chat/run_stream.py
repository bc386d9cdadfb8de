"""Runs on the wire: as events, each frame built once and all that wait in one write, or awaited."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from functools import partial
from json.encoder import encode_basestring_ascii

from starlette.responses import Response

from api.http.sse import EventStream, frame
from api.resources.chat import run_events
from api.resources.chat.responses import AnswerResponse
from api.resources.response import json_response
from kb.access import Caller, OpenStream
from kb.chat.run.run import Numbered, Run
from kb.types import TERMINAL_EVENTS, Delta, Failed, Failure, RunEvent

logger = logging.getLogger(__name__)

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


def run_frame(number: int, value: RunEvent, *, full: bool) -> bytes:
    """One run event; the frequent one takes a short way."""
    if type(value) is Delta:
        text = encode_basestring_ascii(value.text)
        return f'id: {number}\nevent: delta\ndata: {{"text": {text}}}\n\n'.encode("ascii")
    name, data = run_events.event(value, full=full)
    return frame(number, name, data)


def run_frames(batch: Sequence[Numbered], *, full: bool) -> bytes:
    """All the events of a batch, to be sent in one write."""
    return b"".join([run_frame(number, value, full=full) for number, value in batch])


Encode = Callable[[Sequence[Numbered]], bytes]
"""What is written of some events, in a dialect; the native one is `run_frames`."""


async def run_stream(
    run: Run, after: int, stream: OpenStream, encode: Encode, *, stops_with_reader: bool = False
) -> AsyncGenerator[bytes, None]:
    """Frames of a run from behind `after` to its terminal event, whatever happens on the way.

    Args:
        stops_with_reader: whether a reader that leaves ends the run, as in dialects that cannot
            come back to it.
    """
    sent, ended = after, False
    stream.on_revoked(run.wake)
    try:
        async with aclosing(
            run.subscribe_batches(after, is_over=lambda: stream.is_revoked)
        ) as batches:
            async for batch in batches:
                encoded = encode(batch)
                sent, ended = batch[-1][0], isinstance(batch[-1][1], TERMINAL_EVENTS)
                yield encoded
        if not ended and stream.is_revoked:
            yield encode([(sent + 1, await run.worded(KEY_ENDED))])
    except Exception:  # the edge of a stream: a status cannot be sent any more
        logger.exception("the stream of run %s broke", run.run_id)
        if not ended:
            yield encode([(sent + 1, await run.worded(BROKEN))])
    finally:
        if stops_with_reader:
            run.stop("left")


async def respond(run: Run, caller: Caller, stream: OpenStream, *, streamed: bool) -> Response:
    """The run's events, or its whole answer as one object. Raises AnswerFailed."""
    full = caller.scope.may("admin")
    if streamed:
        return EventStream(run_stream(run, 0, stream, partial(run_frames, full=full)))
    return await _whole(run, full=full)


async def _whole(run: Run, *, full: bool) -> Response:
    await run.read_along()
    return json_response(AnswerResponse.of(run.events, full=full))
