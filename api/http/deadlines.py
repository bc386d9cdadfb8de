"""HTTP/1.1 with a deadline for the head of a request, for the rest of a body that was refused, and
for a reader that takes nothing. That of a body that is read is in `api/http/middleware.py`.

uvicorn waits for ever for a request that was begun and not finished, so a few thousand idle
sockets can stop it: Kludex/uvicorn#157. h11, unlike httptools, also limits the size of a head.
It also waits for ever until a client has taken what was written last: closing such a connection
does nothing before its buffer is empty, so only `abort` lets go of it.
"""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_DEADLINE_S = 10.0
STILL_S = 30.0
"""How long a reader may take nothing while more is waiting for it than a buffer holds."""


class DeadlineH11Protocol(H11Protocol):
    """Closes a connection whose request head is not whole in time, or whose reader stands still."""

    _head_timer: asyncio.TimerHandle | None = None
    _still_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The first request is awaited."""
        super().connection_made(transport)
        self._arm()

    def data_received(self, data: bytes) -> None:
        """Either the head is whole now, or the clock runs."""
        super().data_received(data)
        if self._is_in_vain():
            self._arm()
        else:
            self._disarm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more is awaited."""
        self._disarm()
        self._moves_again()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The reader is behind: from now on it must take something now and then."""
        super().pause_writing()
        self._watch(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """The reader has caught up."""
        self._moves_again()
        super().resume_writing()

    def _watch(self, waiting_bytes: int) -> None:
        self._still_timer = self.loop.call_later(STILL_S, self._look, waiting_bytes)

    def _look(self, before_bytes: int) -> None:
        waiting_bytes = self.transport.get_write_buffer_size()
        if waiting_bytes < before_bytes:
            self._watch(waiting_bytes)
        else:
            self.transport.abort()

    def _moves_again(self) -> None:
        if self._still_timer is not None:
            self._still_timer.cancel()
            self._still_timer = None

    def _arm(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_DEADLINE_S, self._expire)

    def _disarm(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _expire(self) -> None:
        self._head_timer = None
        if self._is_in_vain() and not self.transport.is_closing():
            self.transport.close()

    def _is_in_vain(self) -> bool:
        """Whether what arrives is read by nobody: part of a head, or a body after its answer."""
        if self.conn.their_state is h11.SEND_BODY:
            return self.conn.our_state is h11.DONE
        return self.conn.their_state is h11.IDLE
