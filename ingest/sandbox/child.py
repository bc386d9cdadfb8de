"""One child process and the two pipes to it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from ingest.sandbox import wire
from kb.child_process import import_path, module_command
from kb.errors import UnreadableFile

POLL_S = 0.5
"""Between two looks at whether anybody still waits for the answer."""
START_S = 60.0
"""A start takes 0.1 s, and 1.2 s where ten processes want each of two cores."""

_PIECE_BYTES = 1 << 20
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
        self._unread = bytearray()
        self._killing = threading.Lock()
        try:
            self._process = subprocess.Popen(
                module_command(module, str(memory_bytes)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                cwd="/",
                env=_environment(),
                start_new_session=True,
            )
        except (OSError, MemoryError) as exc:
            raise _not_started(str(exc)) from exc
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests, self._answers = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._requests, False)

    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def ask(
        self, task: Iterable[bytes], timeout_s: float, is_wanted: Callable[[], bool]
    ) -> Iterator[bytes]:
        """Send a task and hand on the frames of the answer; the caller knows which is the last.

        Raises:
            TimeoutError: it took longer.
            EOFError: the child died or sent too much.
            OSError: the pipe broke.
            Unwanted: meanwhile `is_wanted` has become false.
        """
        self.documents += 1
        if not self._is_ready:  # a slow start is not the document's
            self._frame(_Wait(time.monotonic() + START_S, is_wanted))
            self._is_ready = True
        wait = _Wait(time.monotonic() + timeout_s, is_wanted)
        for frame in task:
            self._send(wire.LENGTH.pack(len(frame)) + frame, wait)
        while True:
            yield self._frame(wait)

    def _send(self, data: bytes, wait: _Wait) -> None:
        left = memoryview(data)
        while left:
            try:
                left = left[os.write(self._requests, left) :]
            except BlockingIOError:
                wait.until_ready(self._requests, select.POLLOUT)

    def _frame(self, wait: _Wait) -> bytes:
        (length,) = wire.LENGTH.unpack(self._receive(wire.LENGTH.size, wait))
        if length > wire.LONGEST_FRAME:
            raise EOFError("The answer is longer than any honest one.")
        return self._receive(length, wait)

    def _receive(self, size: int, wait: _Wait) -> bytes:
        while len(self._unread) < size:
            wait.until_ready(self._answers, select.POLLIN)
            part = os.read(self._answers, _PIECE_BYTES)
            if not part:
                raise EOFError
            self._unread += part
        found = bytes(self._unread[:size])
        del self._unread[:size]
        return found

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

    def close_pipes(self) -> None:
        """Only for the thread that talks to the child, or when none does."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


class _Wait:
    """How long to wait for a child, and for whom."""

    def __init__(self, deadline: float, is_wanted: Callable[[], bool]) -> None:
        self._deadline = deadline
        self._is_wanted = is_wanted
        self._looked = time.monotonic()

    def until_ready(self, descriptor: int, event: int) -> None:
        poll = select.poll()  # select() cannot take descriptors above 1023
        poll.register(descriptor, event)
        while True:
            now = time.monotonic()
            if now >= self._deadline:
                raise TimeoutError
            if now - self._looked >= POLL_S:
                self._looked = now
                if not self._is_wanted():
                    raise Unwanted
            if poll.poll(min(POLL_S, self._deadline - now) * 1000):
                return


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
