"""A TCP line that a test can hold up, as a network does that parts two machines."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class Line:
    """A port of 127.0.0.1 that leads to another one.

    Held up, it keeps all connections open and forwards nothing: what was sent arrives when the line
    goes on, as TCP sends it again, unless it was cut meanwhile.
    """

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._flows = threading.Event()
        self._flows.set()
        self._ends: list[socket.socket] = []
        self._entry = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._entry.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def hold(self) -> None:
        """From now on nothing comes through, in either direction."""
        self._flows.clear()

    def cut(self) -> None:
        """End all connections; what was on the way is lost."""
        ends, self._ends = self._ends, []
        for each in ends:
            _end(each, socket.SHUT_RDWR)

    def go_on(self) -> None:
        """What was held up comes through, and everything after it."""
        self._flows.set()

    def close(self) -> None:
        """End it."""
        _end(self._entry, socket.SHUT_RDWR)
        self._entry.close()
        self.cut()
        self.go_on()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                near, _ = self._entry.accept()
                self._flows.wait()
                try:
                    far = socket.create_connection(self._target)
                except OSError:
                    near.close()
                    continue
                self._ends += (near, far)
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._forward, args=pair, daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):  # cut
            while data := source.recv(1 << 16):
                self._flows.wait()
                target.sendall(data)
        self._flows.wait()
        _end(target, socket.SHUT_WR)


def _end(each: socket.socket, how: int) -> None:
    with suppress(OSError):  # ended before
        each.shutdown(how)
