"""Server-sent events over a plain socket: a client that costs little, and can behave badly.

"slow" readers take a few hundred bytes at a time from a small buffer, with rests. Anything that is
not HTTP in chunks, whole events and JSON in ASCII raises.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any

SLOW_BYTES = 300
SLOW_REST_S = 0.2
SMALL_BUFFER = 4096


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event."""

    number: int
    name: str
    data: dict[str, Any]


class Client:
    """Asks one server over a plain socket, and reads what comes as a kind of reader does."""

    def __init__(self, url: str, key: str) -> None:
        host, port = url.split("//")[1].split(":")
        self._address = (host, int(port))
        self._head = f"host: {host}\r\nconnection: close\r\nauthorization: Bearer {key}\r\n"

    async def ask(self, app: str, kind: str) -> tuple[socket.socket, AsyncGenerator[Event, None]]:
        """Ask an app; the events come as they are read."""
        body = json.dumps({"query": "Count."})
        lines = f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
        return await self._open(kind, f"POST /v1/apps/{app}/chat", lines, body)

    async def resume(
        self, kind: str, run_id: str, after: int
    ) -> tuple[socket.socket, AsyncGenerator[Event, None]]:
        """Go on behind an event."""
        return await self._open(
            kind, f"GET /v1/runs/{run_id}/events", f"last-event-id: {after}\r\n", ""
        )

    async def _open(
        self, kind: str, target: str, lines: str, body: str
    ) -> tuple[socket.socket, AsyncGenerator[Event, None]]:
        connection = socket.socket()
        connection.setblocking(False)
        if kind == "slow":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(connection, self._address)
        request = f"{target} HTTP/1.1\r\n{self._head}{lines}\r\n{body}"
        await loop.sock_sendall(connection, request.encode())
        return connection, _events(_unchunked(_blocks(connection, kind)))


def break_off(connection: socket.socket) -> None:
    """Leave without a goodbye: the other side gets a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


async def _blocks(connection: socket.socket, kind: str) -> AsyncGenerator[bytes, None]:
    """What arrives, until the server closes."""
    loop = asyncio.get_running_loop()
    size = SLOW_BYTES if kind == "slow" else 1 << 16
    while block := await loop.sock_recv(connection, size):
        yield block
        if kind == "slow":
            await asyncio.sleep(SLOW_REST_S)


async def _unchunked(blocks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The body of a response that is sent in HTTP chunks. Raises ConnectionError if it is cut."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += await anext(blocks)
    head, _, received = received.partition(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n")[0]:
        raise ConnectionError(head.decode() + received.decode())
    while True:
        size, is_whole, rest = received.partition(b"\r\n")
        length = int(size, 16) if is_whole else 0
        if is_whole and len(rest) >= length + 2:
            if not length:
                return
            yield rest[:length]
            received = rest[length + 2 :]
        elif not (block := await anext(blocks, b"")):
            raise ConnectionError("the stream ended without its end")
        else:
            received += block


async def _events(body: AsyncIterator[bytes]) -> AsyncGenerator[Event, None]:
    """Whole events; a comment is none."""
    received = b""
    async for block in body:
        *frames, received = (received + block).split(b"\n\n")
        for frame in frames:
            if not frame.startswith(b":"):
                fields = dict(line.split(": ", 1) for line in frame.decode("ascii").split("\n"))
                yield Event(int(fields["id"]), fields["event"], json.loads(fields["data"]))
    if received:
        raise ConnectionError(f"the stream ended within an event: {received[-60:]!r}")
