"""A server that did not answer: who asks next is told so at once, and waits for nothing.

One that keeps its connections and says nothing would else hold up each request for its whole time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

LOOK_S = 1.0
"""Between two looks at a server that is away."""


class Absence:
    """Of one server: begins when it did not answer somebody, and ends when it answers anybody. A
    thread of its own looks. Thread-safe."""

    def __init__(self, look: Callable[[], object]) -> None:
        """
        Args:
            look: a request that ends within a bounded time, and raises if it was not answered.
        """
        self.is_known = False
        self._look = look
        self._is_watched = False
        self._turn = threading.Lock()

    def begin(self) -> None:
        """The server did not answer; if that is known, nothing changes."""
        with self._turn:
            self.is_known = True
            if not self._is_watched:
                self._is_watched = True
                threading.Thread(target=self._watch, name="look for server", daemon=True).start()

    def end(self) -> None:
        """It has answered, or nobody wants to know any more."""
        self.is_known = False

    def _watch(self) -> None:
        rest = threading.Event()  # time.sleep fails where the clock is a made-up one
        while True:
            rest.wait(LOOK_S)
            with self._turn:
                self._is_watched = self.is_known
                if not self._is_watched:
                    return
            with suppress(Exception):  # the edge of a thread: whatever it says, it was no answer
                self._look()
                self.end()
