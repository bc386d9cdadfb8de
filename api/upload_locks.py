"""Whose turn it is at an upload that arrives in pieces: one request at a time writes to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

import anyio

from api.errors import ProtocolError


class TakenOver(ProtocolError):
    """Another request continues the same upload: this one is taken for a dead connection."""

    code = "upload_taken_over"
    status = 423


class UploadLocks:
    """Who writes to which upload. A newcomer takes over: the line of the older one is dead."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, anyio.Lock] = WeakValueDictionary()
        self._writing: dict[str, anyio.CancelScope] = {}

    @asynccontextmanager
    async def turn(self, upload_id: str) -> AsyncIterator[None]:
        """Be the only one at an upload. Raises TakenOver when somebody else came meanwhile."""
        lock = self._locks.setdefault(upload_id, anyio.Lock())
        if upload_id in self._writing:
            self._writing[upload_id].cancel()
        async with lock:
            with anyio.CancelScope() as scope:
                self._writing[upload_id] = scope
                try:
                    yield
                finally:
                    del self._writing[upload_id]
            if scope.cancelled_caught:
                raise TakenOver("Another request continues this upload. Ask for its offset.")
