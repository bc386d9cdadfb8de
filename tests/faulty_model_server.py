"""A language model server that misbehaves on purpose, byte by byte, over real sockets.

The question names a fault and where it happens, as `drip/after`: before the first token, at it (in
the same write), or after three tokens have gone out. A fault that is a status of the response
becomes, once a response has begun, an error object in the stream. The model "sound" has no faults.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import Self

from tests.model_faults import FAULTS, Wire, whole

TLS_HANDSHAKE = b"\x16"


class FaultyModelServer:
    """An async context manager that listens while it is open.

    Attributes:
        requests: how often each question was asked of a model other than the sound one.
        connections: those that are open.
    """

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for connection in self.connections:
            connection.cancel()
        await asyncio.gather(*self.connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.connections.add(task)
        try:
            await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self.connections.discard(task)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.readexactly(1)
        if first == TLS_HANDSHAKE:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            return
        head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = re.search(r"^content-length:\s*(\d+)", head, re.IGNORECASE | re.MULTILINE)
        assert length is not None
        wire = Wire(reader, writer, head, await reader.readexactly(int(length[1])))
        if wire.body["model"] == "sound":
            return await whole(wire)
        name = f"{wire.fault}/{wire.position}"
        self.requests[name] += 1
        if wire.fault == "429" and self.requests[name] > 1:
            return await whole(wire)
        return await FAULTS[wire.fault](wire)
