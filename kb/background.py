"""Loops of the work that nobody waits for, and how they hear that there is some.

They leave the processor to those that answer: a thread that such a thread starts, and a process, is
as patient as it is.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Protocol

from kb.errors import DatabaseDamaged, StorageFull

logger = logging.getLogger(__name__)

NICENESS = 10
"""A tenth of the processor beside a thread that answers, all of it otherwise."""

RETRY_S = 10.0
"""After a round that broke off."""

OTHERS_S = 5.0
"""After a round that another process has in hand."""

TURN_S = 1.0
"""How long a duty that another process has in hand is waited for at a time."""


class Duty(Protocol):
    """What one process of a cluster does at a time, by its name."""

    def __call__(self, name: str, wait_s: float = 0.0) -> AbstractContextManager[bool]:
        """Whether it is this process's as long as the block lasts; others end theirs meanwhile."""

    def check(self, name: str) -> None:
        """Raises DatabaseUnavailable if the one that this process has had may be another's now."""


class Alone:
    """The duty of a process without others, and of what each does for itself."""

    def __call__(self, name: str, wait_s: float = 0.0) -> AbstractContextManager[bool]:
        """It always is this process's."""
        return nullcontext(True)

    def check(self, name: str) -> None:
        """It still is."""


ALONE = Alone()


class Wakeups:
    """Says within this process that there may be work of a kind. Thread-safe.

    A notice can be lost, so who waits also looks by itself: it costs one poll at most.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed = defaultdict[str, threading.Condition](
            lambda: threading.Condition(self._lock)
        )
        self._notices: Counter[str] = Counter()

    def notify(self, *kinds: str) -> None:
        """There may be something to do. Who waits for other kinds goes on sleeping: each wake-up
        takes processor time from those that answer."""
        if kinds:
            with self._lock:
                self._notices.update(kinds)
                for kind in kinds:
                    self._changed[kind].notify_all()

    def count(self, kind: str) -> int:
        """How many notices there have been."""
        return self._notices[kind]

    def wait(self, kind: str, timeout_s: float, *, since: int) -> None:
        """Return at the first notice beyond so many, at the latest after the timeout."""
        with self._lock:
            self._changed[kind].wait_for(lambda: self._notices[kind] != since, timeout_s)


class Loop:
    """Work in a thread of its own, round after round. What breaks off is logged and tried again."""

    def __init__(
        self,
        kind: str,
        work: Callable[[], float | None],
        wakeups: Wakeups,
        *,
        is_patient: bool = True,
        duty: Duty = ALONE,
    ) -> None:
        """
        Args:
            kind: its name, and of the notices that end its rest.
            work: one round; returns for how many seconds to rest, None to end.
            is_patient: whether it leaves the processor to the threads that answer.
            duty: of which process of a cluster it is; a round of another one is left out.
        """
        self.kind = kind
        self._work = work
        self._wakeups = wakeups
        self._is_patient = is_patient
        self._duty = duty
        self._has_duty = False
        self._turn = threading.RLock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_stopping(self) -> bool:
        """Whether a round should end soon."""
        return self._stopping.is_set()

    def start(self) -> None:
        """Begin to work."""
        if self._thread is None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name=self.kind, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Finish the round in hand and end the thread."""
        self._stopping.set()
        self._wakeups.notify(self.kind)
        self.join()
        self._thread = None

    def join(self) -> None:
        """Return when the work has ended by itself."""
        if (thread := self._thread) is not None:
            thread.join()

    def pause(self, seconds: float) -> bool:
        """Rest inside a round; False if it should end."""
        return not self._stopping.wait(seconds)

    def check_duty(self) -> None:
        """Raises DatabaseUnavailable if another process may do what this one has in hand."""
        self._duty.check(self.kind)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """No round runs inside the block, in no process of those that share its duty, but for what
        its own thread does."""
        with self._turn:
            while not self._has_duty:
                with self._on_duty(TURN_S) as is_ours:
                    if is_ours:
                        yield
                        return
            yield

    @contextmanager
    def _on_duty(self, wait_s: float = 0.0) -> Iterator[bool]:
        """Whether a round is this process's now. The turn is held."""
        with self._duty(self.kind, wait_s) as is_ours:
            self._has_duty = is_ours
            try:
                yield is_ours
            finally:
                self._has_duty = False

    def _run(self) -> None:
        if self._is_patient:
            be_patient()
        while not self._stopping.is_set():
            since = self._wakeups.count(self.kind)
            try:
                with self._turn, self._on_duty() as is_ours:
                    rest_s = self._work() if is_ours else OTHERS_S
            except Exception as exc:  # the edge of a thread: the work stays and is tried again
                log_broken_off(logger, self.kind, exc)
                self._stopping.wait(RETRY_S)
                continue
            if rest_s is None:
                return
            if rest_s and not self._stopping.is_set():
                self._wakeups.wait(self.kind, rest_s, since=since)


def log_broken_off(log: logging.Logger, what: str, exc: Exception) -> None:
    """Say that something is tried again, and where it broke off if that is not the disk's or the
    database's doing."""
    is_known = isinstance(exc, (StorageFull, DatabaseDamaged))
    log.log(
        logging.WARNING if is_known else logging.ERROR,
        "%s broke off and is tried again: %s",
        what,
        exc,
        exc_info=None if is_known else exc,
    )


def be_patient() -> None:
    """Rank this thread behind those that answer.

    Only Linux ranks single threads (setpriority(2), "C library/kernel differences"); elsewhere it
    runs like any other.
    """
    if sys.platform == "linux":
        thread_id = threading.get_native_id()
        with suppress(OSError):  # a container may forbid it; the work must be done all the same
            already = os.getpriority(os.PRIO_PROCESS, thread_id)  # less is refused
            os.setpriority(os.PRIO_PROCESS, thread_id, max(already, NICENESS))
