"""One child process and the connection to it."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Pipe

from ingest.sandbox import wire
from kb.child_process import import_path, module_command
from kb.errors import UnreadableFile

POLL_S = 0.5
"""Between two looks at whether anybody still waits for the answer."""
START_S = 60.0
"""A start takes 0.1 s, and 1.2 s where ten processes want each of two cores."""

_KEPT_VARIABLES = ("PATH", "TESSDATA_PREFIX")


class Unwanted(Exception):
    """Nobody waits for a document any more: it was cancelled or paused, or the work is to stop."""


class Child:
    """A process that runs a module with limits; see `ingest.sandbox.reader_child`.

    `tokenizers` are those that it knows, in the order in which they were sent.
    """

    def __init__(self, module: str, memory_bytes: int) -> None:
        """Raises UnreadableFile, reason `reader_not_started`, if the system has no room for it."""
        self.documents = 0
        self.tokenizers: list[str] = []
        self._is_ready = False
        self._killing = threading.Lock()
        self._deadline = math.inf
        try:
            self._connection, theirs = Pipe()
            with theirs:
                self._process = subprocess.Popen(
                    module_command(module, str(memory_bytes), str(theirs.fileno())),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    cwd="/",
                    env=_environment(),
                    start_new_session=True,
                )
            # One thread a child: a timer for each document would cost a quarter of a millisecond.
            threading.Thread(target=self._watch, name="reader-watch", daemon=True).start()
        except (OSError, MemoryError, RuntimeError) as exc:  # the last: no room for a thread
            raise _not_started(str(exc)) from exc

    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def ask(
        self,
        task: Iterable[bytes],
        take: Callable[[bytes], bool],
        timeout_s: float,
        is_wanted: Callable[[], bool],
    ) -> None:
        """Send a task, and hand on the frames of the answer until `take` says that it has the last.

        Raises:
            TimeoutError: it took longer, and the child was killed.
            EOFError, OSError: the child died or sent too much.
            Unwanted: meanwhile `is_wanted` has become false.
        """
        self.documents += 1
        if not self._is_ready:  # a slow start is not the document's
            with self._killed_after(START_S):
                self._next(is_wanted)
            self._is_ready = True
        with self._killed_after(timeout_s):
            for frame in task:
                self._connection.send_bytes(frame)
            while not take(self._next(is_wanted)):
                pass

    @contextmanager
    def _killed_after(self, seconds: float) -> Iterator[None]:
        """A child that is killed cannot hold up who writes to it or reads from it."""
        self._deadline = time.monotonic() + seconds
        try:
            yield
        except (EOFError, OSError) as exc:
            if time.monotonic() >= self._deadline:
                raise TimeoutError from exc
            raise
        finally:
            self._deadline = math.inf

    def _watch(self) -> None:
        while self.is_alive():
            if time.monotonic() >= self._deadline:
                self.kill()
            time.sleep(POLL_S)

    def _next(self, is_wanted: Callable[[], bool]) -> bytes:
        while not self._connection.poll(POLL_S):
            if not is_wanted():
                raise Unwanted
        return self._connection.recv_bytes(wire.LONGEST_FRAME)

    def cause_of_death(self) -> UnreadableFile:
        """Why the child is gone, told from how it ended."""
        try:
            code = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            code = 0
        if code == -signal.SIGXCPU:
            return UnreadableFile(
                "Reading and splitting the file took too much processor time and was stopped. "
                "Split it into smaller files, or raise KB_INGEST__READ_TIMEOUT_S.",
                reason="read_timeout",
            )
        if code == -signal.SIGKILL:  # not by us: the system ran out of memory
            return UnreadableFile(wire.OUT_OF_MEMORY, reason="read_memory")
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        if not self._is_ready:
            return _not_started(how)
        return UnreadableFile(wire.CRASHED.format(how), reason="reader_crashed")

    def kill(self) -> None:
        """End the child and whatever it started. Repeating is harmless."""
        with self._killing:
            if self._process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()

    def close(self) -> None:
        """Only for the thread that talks to the child, or when none does."""
        self._connection.close()


def _not_started(how: str) -> UnreadableFile:
    return UnreadableFile(
        f"No process could be started to read this file ({how}): this machine has no memory or no "
        "processes left, or KB_INGEST__READ_MEMORY_BYTES is too small. Retry the document when "
        "there is room.",
        reason="reader_not_started",
    )


def _environment() -> dict[str, str]:
    """What a child gets to know: where its modules are, and where an OCR engine may be."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return {**kept, "PYTHONPATH": import_path(), "PYTHONUTF8": "1", "PYTHONHASHSEED": "0"}
