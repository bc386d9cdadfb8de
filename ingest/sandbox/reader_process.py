"""Readers run in child processes that can be killed: parsers meet hostile files in here only.

A child is a freshly started, lean interpreter with limits on memory, processor time, open files
and written bytes, without the parent's environment (no keys in it). It stays warm for many
documents; after any failure it is thrown away.
"""

from __future__ import annotations

import contextlib
import os
import queue
import select
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

from ingest.sandbox import wire
from ingest.types import DEFAULT_OCR_LANGUAGES, Extraction, ReadOptions
from kb.errors import Unavailable, UnreadableFile
from kb.settings import IngestSettings

DOCUMENTS_PER_CHILD = 200
"""Then a child is replaced, so that what a parser leaks does not add up."""

MOST_READERS = 4
"""By default; each may take as much memory as a reader is allowed."""

_PERHAPS_THE_CHILD = ("reader_crashed", "read_memory")

_ANSWER_BYTES_PER_CHARACTER = 16
"""UTF-8 takes up to 4; the rest is for blocks, which CSV has one of per short row."""
_ANSWER_BYTES_AT_LEAST = 1024 * 1024
_CHUNK_BYTES = 1 << 20
_KEPT_VARIABLES = ("PATH", "TESSDATA_PREFIX")


def suitable_readers(cores: int) -> int:
    """How many readers keep the embedder busy with text PDFs, which are the slowest to read.

    Measured on 13 quarterly reports: 37,000 characters per second of processor time are read and
    45,000 are embedded by the bundled model, so reading needs about half of the cores.
    """
    return min(MOST_READERS, max(1, cores // 2))


class ReaderPool:
    """Reads files in `readers` child processes at most. Thread-safe."""

    def __init__(
        self,
        readers: int = 1,
        *,
        timeout_s: float,
        memory_bytes: int,
        max_characters: int,
        ocr_languages: str = DEFAULT_OCR_LANGUAGES,
        child_module: str = "ingest.sandbox.reader_child",
    ) -> None:
        """Nothing is started yet: a child starts with the first document (about 0.1 s).

        Args:
            readers: children that work side by side; further calls wait.
            timeout_s: wall-clock seconds for one document.
            memory_bytes: address space of a child.
            max_characters: the most text that one document may hold.
            ocr_languages: as in `ReadOptions`.
            child_module: module that is run as the child, for tests.
        """
        self._timeout_s = timeout_s
        self._memory_bytes = memory_bytes
        self._options = ReadOptions(max_characters=max_characters, ocr_languages=ocr_languages)
        self._child_module = child_module
        self._slots: queue.LifoQueue[_Child | None] = queue.LifoQueue()
        for _ in range(readers):
            self._slots.put(None)
        self._lock = threading.Lock()
        self._children: set[_Child] = set()
        self._closed = False

    @classmethod
    def with_limits(cls, limits: IngestSettings, readers: int = 1) -> ReaderPool:
        """A pool with the limits that are configured."""
        return cls(
            readers,
            timeout_s=limits.read_timeout_s,
            memory_bytes=limits.read_memory_bytes,
            max_characters=limits.max_characters,
            ocr_languages=limits.ocr_languages,
        )

    def read(self, path: Path, media_type: str, encoding: str | None = None) -> Extraction:
        """Read one file; waits for a free child.

        Args:
            path: the file.
            media_type: as `ingest.sniff.media_types.sniff` tells it.
            encoding: overrides detection.

        Raises:
            UnreadableFile: the reader gave up, or ran into a limit (reasons `read_timeout`,
                `read_memory`, `reader_crashed`).
            Unavailable: the pool is closed.
        """
        options = replace(self._options, encoding=encoding)
        request = wire.encode_request(str(path.resolve()), media_type, options, self._timeout_s)
        child = self._slots.get()
        try:
            child = self._usable(child)
            try:
                return self._extraction(child, request)
            except UnreadableFile as exc:
                if child.documents == 1 or exc.code not in _PERHAPS_THE_CHILD:
                    raise
            # It was not the child's first document, so what came before may have been at fault.
            self._discard(child)
            child = self._usable(None)
            return self._extraction(child, request)
        except BaseException:
            if child is not None:
                self._discard(child)
            child = None
            raise
        finally:
            self._slots.put(child)

    def close(self) -> None:
        """Kill all children. Documents being read fail with Unavailable."""
        with self._lock:
            self._closed = True
            children = list(self._children)
        for child in children:
            child.kill()
        # The pipes of a child at work belong to the thread that waits on them.
        for _ in range(self._slots.qsize()):
            with contextlib.suppress(queue.Empty):
                idle = self._slots.get_nowait()
                if idle is not None:
                    self._discard(idle)
                self._slots.put(None)

    def _usable(self, child: _Child | None) -> _Child:
        if child is not None and child.documents < DOCUMENTS_PER_CHILD and child.is_alive():
            return child
        if child is not None:
            self._discard(child)
        with self._lock:
            if self._closed:
                raise Unavailable("The readers are shut down.")
            fresh = _Child(self._child_module, self._memory_bytes)
            self._children.add(fresh)
        return fresh

    def _extraction(self, child: _Child, request: bytes) -> Extraction:
        characters = self._options.max_characters
        longest = characters * _ANSWER_BYTES_PER_CHARACTER + _ANSWER_BYTES_AT_LEAST
        try:
            answer = child.ask(request, time.monotonic() + self._timeout_s, longest)
            return wire.decode_answer(answer, characters)
        except TimeoutError as exc:
            raise UnreadableFile(
                f"Reading the file took longer than {self._timeout_s:g} s and was stopped. Split "
                "it into smaller files, or raise KB_INGEST__READ_TIMEOUT_S.",
                reason="read_timeout",
            ) from exc
        except (EOFError, OSError) as exc:
            if self._closed:
                raise Unavailable("The readers are shut down.") from exc
            raise child.cause_of_death() from exc
        except (ValueError, TypeError, KeyError, IndexError) as exc:
            raise UnreadableFile(
                wire.CRASHED.format("bad answer"), reason="reader_crashed"
            ) from exc

    def _discard(self, child: _Child) -> None:
        child.kill()
        child.close_pipes()
        with self._lock:
            self._children.discard(child)


class _Child:
    """One reader process and the two pipes to it."""

    def __init__(self, module: str, memory_bytes: int) -> None:
        self.documents = 0
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-B", "-m", module, str(memory_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            env=_environment(),
            start_new_session=True,
        )
        self._killing = threading.Lock()

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, request: bytes, deadline: float, longest: int) -> bytes:
        """Send a request and wait for the answer.

        Raises:
            TimeoutError: the deadline (of time.monotonic) has passed.
            EOFError: the child died or sent too much.
            OSError: the pipe broke.
        """
        assert self._process.stdin is not None
        self.documents += 1
        self._process.stdin.write(wire.LENGTH.pack(len(request)) + request)
        (length,) = wire.LENGTH.unpack(self._receive(wire.LENGTH.size, deadline))
        if length > longest:
            raise EOFError("The answer is longer than any honest one.")
        return self._receive(length, deadline)

    def _receive(self, size: int, deadline: float) -> bytes:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        poll = select.poll()  # select() cannot take descriptors above 1023
        poll.register(descriptor, select.POLLIN)
        parts = []
        while size:
            left_s = deadline - time.monotonic()
            if left_s <= 0 or not poll.poll(left_s * 1000):
                raise TimeoutError
            part = os.read(descriptor, min(size, _CHUNK_BYTES))
            if not part:
                raise EOFError
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def cause_of_death(self) -> UnreadableFile:
        """Why the child is gone, told from how it ended."""
        try:
            code = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            code = 0
        if code == -signal.SIGXCPU:
            return UnreadableFile(
                "Reading the file took too much processor time and was stopped. Split it into "
                "smaller files, or raise KB_INGEST__READ_TIMEOUT_S.",
                reason="read_timeout",
            )
        if code == -signal.SIGKILL:  # not by us: the system ran out of memory
            return UnreadableFile(wire.OUT_OF_MEMORY, reason="read_memory")
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return UnreadableFile(wire.CRASHED.format(how), reason="reader_crashed")

    def kill(self) -> None:
        """End the child and whatever it started. Repeating is harmless."""
        with self._killing:
            if self._process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()

    def close_pipes(self) -> None:
        """Only for the thread that talks to the child, or when none does."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def _environment() -> dict[str, str]:
    """What a child gets to know: where its modules are, and where an OCR engine may be."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return {**kept, "PYTHONPATH": _import_path(), "PYTHONUTF8": "1", "PYTHONHASHSEED": "0"}


def _import_path() -> str:
    """The parent's import path, made absolute: the child does not start in its folder."""
    return os.pathsep.join(os.path.abspath(entry or ".") for entry in sys.path)
