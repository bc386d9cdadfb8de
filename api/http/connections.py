"""HTTP/1.1 with limits on clients that nobody knows yet, and on readers that stand still.

uvicorn waits for ever for a request that was begun and not finished, so a few thousand idle
sockets can stop it: Kludex/uvicorn#157. h11, unlike httptools, also limits the size of a head.
It also waits for ever until a client has taken what was written last: closing such a connection
does nothing before its buffer is empty, so only `abort` lets go of it.

A client is known once a request of its connection was authenticated. The deadline of a body that is
read is in `api/http/middleware.py`.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterable

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

OPEN_DEADLINE_S = 10.0
"""For a whole request of an unknown client, from its first byte; for the head of any request; and
for the rest of a body that was refused."""
OPEN_BODY_BYTES = 4096
"""Largest body that is read from an unknown client; `/login`, the only one, sends 600 at most."""
IN_VAIN_BYTES = 1 << 16
"""Of a body that an unknown client goes on sending after its answer: one piece of a socket."""
STILL_S = 30.0
"""How long a reader may take nothing while more is waiting for it than a buffer holds."""

COUNTED_AFTER_S = 1.0
"""Who sends a whole request within this time counts among no others, however many come at once."""
UNKNOWN_OF_ADDRESS = 64
"""Connections of one address that keep the server waiting: a browser opens six."""
RESERVED = 100
"""Of all connections: when only so many are left, those go that have kept it waiting longest."""


def network_of(host: str) -> str:
    """The address that a client is counted under: of IPv6 the network, which one client has."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


class UnknownConnections:
    """Connections of clients that nobody knows, oldest first, and those that keep it waiting.

    Args:
        proxies: networks of proxies; what waits for one of them is not held against it.
    """

    def __init__(self, proxies: Iterable[str]) -> None:
        self._proxies = [ipaddress.ip_network(each) for each in proxies]
        self._all: dict[GuardedProtocol, None] = {}
        self._waiting: dict[str, dict[GuardedProtocol, None]] = {}

    def enter(self, connection: GuardedProtocol) -> None:
        self._all[connection] = None

    def leave(self, connection: GuardedProtocol) -> None:
        """It is known, or closed."""
        self._all.pop(connection, None)
        self.moves(connection)

    def moves(self, connection: GuardedProtocol) -> None:
        """It keeps nobody waiting."""
        mine = self._waiting.get(connection.counted_under, {})
        mine.pop(connection, None)
        if not mine:
            self._waiting.pop(connection.counted_under, None)

    def waits(self, connection: GuardedProtocol, host: str) -> None:
        """It keeps the server waiting. If its address has too many of these, the oldest goes."""
        self.moves(connection)
        if self._is_proxy(host):
            return
        connection.counted_under = network_of(host)
        mine = self._waiting.setdefault(connection.counted_under, {})
        mine[connection] = None
        if len(mine) > UNKNOWN_OF_ADDRESS:
            next(iter(mine)).abort()

    def make_room(self) -> None:
        """Let the oldest go that keeps the server waiting."""
        for connection in self._all:
            if connection.is_awaited():
                connection.abort()
                return

    def _is_proxy(self, host: str) -> bool:
        try:
            return any(ipaddress.ip_address(host) in network for network in self._proxies)
        except ValueError:
            return False


class GuardedProtocol(H11Protocol):
    """Closes a connection whose request is not whole in time, or whose reader stands still."""

    counted_under = ""
    _deadline: asyncio.TimerHandle | None = None
    _counting: asyncio.TimerHandle | None = None
    _still_timer: asyncio.TimerHandle | None = None
    _in_vain_bytes = 0

    @property
    def _unknown(self) -> UnknownConnections:
        unknown: UnknownConnections = self.app_state["unknown"]
        return unknown

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._unknown.enter(self)
        if self.limit_concurrency and len(self.connections) > self.limit_concurrency - RESERVED:
            self._unknown.make_room()
        self._arm()
        self._count_later()

    def data_received(self, data: bytes) -> None:
        """Either the request is whole now, or the clock runs."""
        self._arm()
        super().data_received(data)
        if not self.is_awaited():
            self._disarm()
            self._unknown.moves(self)
        elif self.conn.our_state is h11.DONE and self._is_unknown():
            self._in_vain_bytes += len(data)
            if self._in_vain_bytes > IN_VAIN_BYTES:
                self.transport.close()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self._is_unknown():
            self._unknown.leave(self)
        elif not self.transport.is_closing():
            self._count_later()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        self._moves_again()
        if self._counting is not None:
            self._counting.cancel()
        self._unknown.leave(self)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The reader is behind: from now on it must take something now and then."""
        super().pause_writing()
        self._watch(self.transport.get_write_buffer_size())
        self._count_later()

    def resume_writing(self) -> None:
        self._moves_again()
        super().resume_writing()

    def abort(self) -> None:
        self._unknown.leave(self)
        self.transport.abort()

    def is_awaited(self) -> bool:
        """Whether a head is awaited, a body by nobody, or anything of a client that is unknown."""
        if self.conn.their_state is h11.SEND_BODY:
            return self.conn.our_state is h11.DONE or self._is_unknown()
        return self.conn.their_state is h11.IDLE

    def _is_unknown(self) -> bool:
        return self.scope is None or "kb.caller" not in self.scope

    def _count_later(self) -> None:
        if self._counting is None:
            self._counting = self.loop.call_later(COUNTED_AFTER_S, self._count)

    def _count(self) -> None:
        self._counting = None
        if not self._is_unknown():
            self._unknown.leave(self)
        elif self.is_awaited() or self.flow.write_paused:
            client = self.scope["client"] if self.scope else self.client
            self._unknown.waits(self, client[0] if client else "")

    def _arm(self) -> None:
        if self._deadline is None:
            self.app_state = {**self.app_state, "awaited_since": self.loop.time()}
            self._deadline = self.loop.call_later(OPEN_DEADLINE_S, self._expire)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expire(self) -> None:
        """A body that is being read gets its answer from `BodyGuard`."""
        self._deadline = None
        is_read = self.conn.their_state is h11.SEND_BODY and self.conn.our_state is not h11.DONE
        if self.is_awaited() and not is_read and not self.transport.is_closing():
            self.transport.close()

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
