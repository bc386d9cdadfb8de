"""Wake-ups between processes, by Postgres' LISTEN and NOTIFY, and whether the server says anything.

A notice is part of the transaction that has made the work, so it comes when the work can be seen.
One that is lost, because the line was down, costs one poll of who waits for it.

A server that is paused, or beyond a network that broke, keeps its connections and says nothing. A
statement that waits cannot tell it from one that takes its time: on this line none does.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from contextlib import closing
from typing import Any

import psycopg
from psycopg import errors
from sqlalchemy import Connection, text

from kb.background import Wakeups
from kb.ids import new_id
from kb.store.engine.postgres_server import CONNECT_S

logger = logging.getLogger(__name__)

CHANNEL = "kb"
LOOK_S = 1.0
"""Between two looks whether to end, and whether the server answers."""
ANSWER_S = 10.0
"""After which it counts as silent: less than what the others give this process."""
RETRY_S = 2.0

_NOTIFY = text(f"SELECT pg_notify('{CHANNEL}', :notice)")
_SILENCE = (errors._WaitTimeout, errors.ConnectionTimeout)


class _Line(psycopg.Connection[Any]):
    """A connection whose every answer has its time."""

    def wait(self, gen: Any, interval: float = LOOK_S, timeout: float | None = ANSWER_S) -> Any:
        """As `Connection.wait`, which waits for ever if nothing is said."""
        return super().wait(gen, interval, timeout)


class Notices:
    """Tells the others and hears from them, in a thread of its own."""

    def __init__(self, url: str, wakeups: Wakeups, on_silence: Callable[[], None]) -> None:
        """
        Args:
            url: of the database, as libpq takes it.
            wakeups: who is woken in this process.
            on_silence: frees those who wait for the server, whenever it was found silent.
        """
        self.is_silent = False
        self._url = url
        self._wakeups = wakeups
        self._on_silence = on_silence
        self._sender = new_id("ntc")
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notices", daemon=True)

    def start(self) -> None:
        """Begin to hear."""
        self._thread.start()

    def tell(self, tx: Connection, kinds: Collection[str]) -> None:
        """Wake the other processes when this transaction is committed."""
        if kinds:
            tx.execute(_NOTIFY, {"notice": " ".join((self._sender, *sorted(kinds)))})

    def close(self) -> None:
        """Hear no more."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._listen()
            except psycopg.Error as exc:
                logger.warning("other processes are not heard, work waits for polls: %s", exc)
                self.is_silent = isinstance(exc, _SILENCE)
                if self.is_silent:
                    self._on_silence()
                self._closing.wait(RETRY_S)

    def _listen(self) -> None:
        opened = _Line.connect(self._url, autocommit=True, connect_timeout=CONNECT_S)
        with closing(opened) as line:  # as it is: it would say goodbye to a server that is silent
            line.execute(f"LISTEN {CHANNEL}")
            self.is_silent = False
            while not self._closing.is_set():
                heard = list(line.notifies(timeout=LOOK_S, stop_after=1))
                for notice in heard:
                    sender, *kinds = notice.payload.split()
                    if sender != self._sender:  # who has told it has woken its own
                        self._wakeups.notify(*kinds)
                if not heard:
                    line.execute("SELECT 1")
