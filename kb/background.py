"""Threads of the work that nobody waits for: they leave the processor to those that answer.

A thread that such a thread starts, and a process, is as patient as it is.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

NICENESS = 10
"""A tenth of the processor beside a thread that answers, all of it otherwise."""


def start_background(work: Callable[[], object], name: str) -> threading.Thread:
    """A daemon thread that does some work at low priority, started.

    Only Linux ranks single threads (setpriority(2), "C library/kernel differences"); elsewhere it
    runs like any other.
    """

    def run() -> None:
        if sys.platform == "linux":
            thread_id = threading.get_native_id()
            with suppress(OSError):  # a container may forbid it; the work must be done all the same
                already = os.getpriority(os.PRIO_PROCESS, thread_id)  # less is refused
                os.setpriority(os.PRIO_PROCESS, thread_id, max(already, NICENESS))
        work()

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread
