"""Server-sent events as frames of pure ASCII, ids counted from 1.

JSON in events is ASCII, so no character of a token can break a frame or its encoding.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, suppress
from typing import Any, Generic, TypeVar, get_args

import anyio
from pydantic import BaseModel
from pydantic_core import to_jsonable_python
from sse_starlette import EventSourceResponse
from starlette.types import Receive, Scope, Send

from kb.access import OpenStream
from kb.errors import NotFound
from kb.iteration import batched

Name = TypeVar("Name")
Data = TypeVar("Data")

PING = b": ping\n\n"
PING_S = 10
HEADERS = {"cache-control": "no-cache, no-transform", "x-accel-buffering": "no"}

POLL_S = 0.3
POLL_SHARE = 10
"""What takes long to look at is looked at less often: at most a tenth of the time goes into it."""

FRAMES_AT_ONCE = 500

Looks = AsyncIterator[Sequence[tuple[str, Any]]]
"""The name and data of the events of each look; raises NotFound when there is nothing to see."""


class Event(BaseModel, Generic[Name, Data]):
    """One event of a stream, as clients decode it; only the API's description is made from it."""

    id: int
    event: Name
    data: Data

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """`BatchEvent` for an event that carries a `BatchResponse`."""
        return f"{params[1].__name__.removesuffix('Response')}Event"


def name_of(event: type[Event[Any, Any]]) -> str:
    """What stands behind `event:` in a frame."""
    name: str = get_args(event.model_fields["event"].annotation)[0]
    return name


def streamed(union: str) -> dict[int | str, dict[str, Any]]:
    """How an operation declares its events: by the name of their union in the description."""
    schema = {"$ref": f"#/components/schemas/{union}"}
    return {200: {"content": {"text/event-stream": {"schema": schema}}}}


def frame(number: int, name: str, data: Any) -> bytes:
    """One event; `data` is a response model or a domain type."""
    text = json.dumps(to_jsonable_python(data))
    return f"id: {number}\nevent: {name}\ndata: {text}\n\n".encode("ascii")


class EventStream(EventSourceResponse):
    """Streams frames, pings, and ends when the reader leaves.

    sse_starlette's own `__call__` runs four more tasks for each answer and opens a cancel scope for
    each event, a twelfth of what an answer of one token takes. This one runs one more task:
    `close_streams` ends streams before a shutdown, and `GuardedProtocol` hangs up on readers
    that stand still.
    """

    def __init__(self, frames: AsyncGenerator[bytes, None], *, ping: bytes = PING) -> None:
        super().__init__(frames, headers=HEADERS)
        self._frames = frames
        self._ping_frame = ping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(None) as connected, aclosing(self._frames) as frames:
                leaving = asyncio.create_task(self._watch(receive, connected))
                self._ping_later(send)
                try:
                    await self._stream(frames, send)
                finally:
                    self.active = False
                    self._next_ping.cancel()
                    leaving.cancel()
        except TimeoutError:
            if not connected.expired():
                raise

    async def _stream(self, frames: AsyncIterator[bytes], send: Send) -> None:
        start = {"status": self.status_code, "headers": self.raw_headers}
        await send({"type": "http.response.start", **start})
        async for encoded in frames:
            await send({"type": "http.response.body", "body": encoded, "more_body": True})
        self.active = False
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _watch(self, receive: Receive, connected: asyncio.Timeout) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        if self.active:
            connected.reschedule(asyncio.get_running_loop().time())

    def _ping_later(self, send: Send) -> None:
        loop = asyncio.get_running_loop()
        self._next_ping = loop.call_later(PING_S, self._ping_now, send)

    def _ping_now(self, send: Send) -> None:
        self._ping_later(send)
        self._pinging = asyncio.create_task(self._send_ping(send))

    async def _send_ping(self, send: Send) -> None:
        if self.active:
            await send({"type": "http.response.body", "body": self._ping_frame, "more_body": True})


def progress_stream(
    looks: Looks, *, terminal: str, after: int, closing: anyio.Event, stream: OpenStream
) -> EventStream:
    """What is, looked at again and again, until an event is the terminal one.

    The frames say what is, not what was: whoever comes back gets the present state first, so
    nothing is missed. Ends early when the server shuts down, the key ends or nothing is found any
    more.

    Args:
        looks: gives the events since the look before.
        after: the number behind which ids go on.
    """

    async def frames() -> AsyncGenerator[bytes, None]:
        number, began = after, time.perf_counter()
        with suppress(NotFound):
            async for events in looks:
                took_s = time.perf_counter() - began
                encoded = [frame(number + n, *event) for n, event in enumerate(events, start=1)]
                number += len(encoded)
                for part in batched(encoded, FRAMES_AT_ONCE):
                    yield b"".join(part)
                if events and events[-1][0] == terminal:
                    return
                with anyio.move_on_after(max(POLL_S, POLL_SHARE * took_s)):
                    await closing.wait()
                if closing.is_set() or stream.is_revoked:
                    return
                began = time.perf_counter()

    return EventStream(frames())
