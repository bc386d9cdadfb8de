"""Files are read, cleaned and split in child processes that can be killed: hostile bytes, and what
they become, meet our code in here only.

A child is a freshly started, lean interpreter with limits on memory, processor time, open files
and written bytes, without the parent's environment (no keys in it). It stays warm for many
documents; after any failure it is thrown away. One pool has all children of a server: those of
uploads, of re-indexing, of previews and of checks.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ingest.sandbox import wire
from ingest.sandbox.child import POLL_S, Child, Unwanted
from ingest.sandbox.processing import Processed
from ingest.sandbox.unpacking import Unpacking
from ingest.types import DEFAULT_OCR_LANGUAGES, Extraction
from kb.errors import Rejected, Unavailable, UnreadableFile
from kb.protocols import PortableTokenizer
from kb.settings import IngestSettings
from kb.types import Processing

DOCUMENTS_PER_CHILD = 200
"""Then a child is replaced, so that what a parser leaks does not add up."""

MOST_READERS = 4
"""By default; each may take as much memory as a reader is allowed."""
BESIDE_UPLOADS = 2
"""Children for who waits for a preview or a check, and for re-indexing."""

CHECK_MEMORY_BYTES = 128 << 20
CHECK_TIMEOUT_S = 10.0

_PERHAPS_THE_CHILD = ("reader_crashed", "read_memory")


def suitable_readers(cores: int) -> int:
    """How many readers keep the embedder busy with text PDFs, which are the slowest to read.

    Measured on 13 quarterly reports: 37,000 characters per second of processor time are read and
    45,000 are embedded by the bundled model, so reading needs about half of the cores.
    """
    return min(MOST_READERS, max(1, cores // 2))


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of a media type as `ingest.sniff.media_types.sniff` tells it; `encoding` overrides
    detection."""

    path: Path
    media_type: str
    encoding: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """How a document becomes chunks: as `ingest.sandbox.processing.process` takes it.

    With `shown` only so many removals and chunks are handed on; without, all chunks and no removal.
    """

    processing: Processing
    tokenizer: PortableTokenizer
    max_tokens: int
    chunk_prefix: str
    document_id: str
    size_bytes: int = 0
    shown: int | None = None


class ReaderPool:
    """Works on documents in `readers` child processes at most. Thread-safe."""

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
            memory_bytes: address space of a child, and what its answer may take here.
            max_characters: the most text that one document may hold.
            ocr_languages: as in `ReadOptions`.
            child_module: module that is run as the child, for tests.
        """
        self._timeout_s = timeout_s
        self._memory_bytes = memory_bytes
        self._max_characters = max_characters
        self._ocr_languages = ocr_languages
        self._child_module = child_module
        self._slots: queue.LifoQueue[Child | None] = queue.LifoQueue()
        for _ in range(readers):
            self._slots.put(None)
        self._lock = threading.Lock()
        self._children: set[Child] = set()
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
        """Only read a file; as `process`."""
        return self._run(SourceFile(path, media_type, encoding), None, _always)[0]

    def process(
        self,
        source: SourceFile | Extraction,
        plan: Plan,
        is_wanted: Callable[[], bool],
    ) -> Processed:
        """Read a file, or take what was read of it before, and cut it; waits for a free child.

        Raises:
            UnreadableFile: the reader gave up, or the document ran into a limit (reasons
                `read_timeout`, `read_memory`, `reader_crashed`), or no child could be started
                (`reader_not_started`).
            Unwanted: meanwhile `is_wanted` has become false.
            Unavailable: the pool is closed.
        """
        _, processed = self._run(source, plan, is_wanted)
        assert processed is not None
        return processed

    def check(self, patterns: Sequence[str]) -> None:
        """Refuse regular expressions that cannot be used.

        Raises:
            Rejected: one is not valid, or costs too much even before it is used.
        """
        if not patterns:
            return
        task = {"patterns": list(patterns), "timeout_s": CHECK_TIMEOUT_S}
        unpacking = Unpacking(most_characters=0, most_bytes=wire.LONGEST_FRAME)
        idle, child = self._slot(_always), None
        try:
            child = self._started(CHECK_MEMORY_BYTES)
            child.ask([wire.encode(task)], unpacking.take, CHECK_TIMEOUT_S, _always)
        except (TimeoutError, EOFError, OSError) as exc:
            raise Rejected("The regular expressions take too long. Make them simpler.") from exc
        except UnreadableFile as exc:
            raise Rejected(exc.detail) from exc
        finally:
            if child is not None:
                self._discard(child)
            self._slots.put(idle)

    def close(self) -> None:
        """Kill all children. Documents being read fail with Unavailable."""
        with self._lock:
            self._closed = True
            children = list(self._children)
        for child in children:
            child.kill()
        # The connection of a child at work belongs to the thread that waits on it.
        for _ in range(self._slots.qsize()):
            with suppress(queue.Empty):
                idle = self._slots.get_nowait()
                if idle is not None:
                    self._discard(idle)
                self._slots.put(None)

    def _run(
        self, source: SourceFile | Extraction, plan: Plan | None, is_wanted: Callable[[], bool]
    ) -> tuple[Extraction, Processed | None]:
        child = self._slot(is_wanted)
        try:
            child = self._usable(child)
            try:
                return self._answer(child, source, plan, is_wanted)
            except UnreadableFile as exc:
                if child.documents == 1 or exc.code not in _PERHAPS_THE_CHILD:
                    raise
            # It was not the child's first document, so what came before may have been at fault.
            self._discard(child)
            child = self._usable(None)
            return self._answer(child, source, plan, is_wanted)
        except BaseException:
            if child is not None:
                self._discard(child)
            child = None
            raise
        finally:
            self._slots.put(child)

    def _slot(self, is_wanted: Callable[[], bool]) -> Child | None:
        while is_wanted():
            with suppress(queue.Empty):
                return self._slots.get(timeout=POLL_S)
        raise Unwanted

    def _usable(self, child: Child | None) -> Child:
        if child is not None and child.documents < DOCUMENTS_PER_CHILD and child.is_alive():
            return child
        if child is not None:
            self._discard(child)
        return self._started(self._memory_bytes)

    def _started(self, memory_bytes: int) -> Child:
        with self._lock:
            if self._closed:
                raise Unavailable("The readers are shut down.")
            fresh = Child(self._child_module, memory_bytes)
            self._children.add(fresh)
        return fresh

    def _answer(
        self,
        child: Child,
        source: SourceFile | Extraction,
        plan: Plan | None,
        is_wanted: Callable[[], bool],
    ) -> tuple[Extraction, Processed | None]:
        unpacking = Unpacking(
            most_characters=self._max_characters,
            most_bytes=self._memory_bytes,
            extraction=None if isinstance(source, SourceFile) else source,
            chunk_prefix=plan.chunk_prefix if plan else "",
            document_id=plan.document_id if plan else "",
        )
        try:
            task = self._task(child, source, plan)
            child.ask(task, unpacking.take, self._timeout_s, is_wanted)
            return unpacking.extraction(), unpacking.processed() if plan else None
        except TimeoutError as exc:
            raise UnreadableFile(
                f"Reading and splitting the file took longer than {self._timeout_s:g} s and was "
                "stopped. Split it into smaller files, or raise KB_INGEST__READ_TIMEOUT_S.",
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

    def _task(
        self, child: Child, source: SourceFile | Extraction, plan: Plan | None
    ) -> Iterator[bytes]:
        head: dict[str, Any] = {
            "path": None,
            "max_characters": self._max_characters,
            "ocr_languages": self._ocr_languages,
            "timeout_s": self._timeout_s,
            "plan": None,
        }
        if isinstance(source, SourceFile):
            head |= {"media_type": source.media_type, "encoding": source.encoding}
            head["path"] = str(source.path.resolve())
        if plan is not None:
            fields = {name: getattr(plan, name) for name in Plan.__slots__ if name != "tokenizer"}
            head["plan"] = fields | {"processing": asdict(plan.processing)}
            spelled = plan.tokenizer.spelled
            if spelled not in child.tokenizers:
                child.tokenizers.append(spelled)
                head["spelled"] = spelled
            head["tokenizer"] = child.tokenizers.index(spelled)
        yield wire.encode(head)
        if isinstance(source, Extraction):
            yield from wire.encode_document(source)

    def _discard(self, child: Child) -> None:
        child.kill()
        child.close()
        with self._lock:
            self._children.discard(child)


def _always() -> bool:
    return True
