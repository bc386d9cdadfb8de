"""Where documents are read and split, and how many at once: what a worker needs to know of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ingest.sandbox.processing import Processed
from ingest.sandbox.reader_process import (
    BESIDE_UPLOADS,
    Plan,
    ReaderPool,
    SourceFile,
    suitable_readers,
)
from ingest.types import Extraction
from kb.settings import IngestSettings

EMBED_AT_ONCE = 256
"""Texts per slice: enough to sort by length, few enough to save often and to let others in (about
2 s)."""


class Readers(Protocol):
    """Reads documents and cuts them, as `ReaderPool` does. Thread-safe."""

    def process(
        self, source: SourceFile | Extraction, plan: Plan, is_wanted: Callable[[], bool]
    ) -> Processed:
        """As `ReaderPool.process`."""
        ...

    def read(self, path: Path, media_type: str, encoding: str | None = None) -> Extraction:
        """As `ReaderPool.read`."""
        ...

    def close(self) -> None:
        """Drop what is being read."""
        ...


@dataclass(frozen=True, slots=True)
class Engine:
    """What does the heavy work of a worker.

    `reading` documents are read side by side, and `embed_at_once` texts are embedded in one call.
    """

    readers: Readers
    reading: int
    embed_at_once: int = EMBED_AT_ONCE


def local_engine(limits: IngestSettings, readers: ReaderPool | None = None) -> Engine:
    """Child processes of this one read, and its own embedder embeds.

    Args:
        readers: those that `local_readers` has made, where others use them too.
    """
    return Engine(readers or local_readers(limits), _side_by_side(limits))


def local_readers(limits: IngestSettings) -> ReaderPool:
    """Children for a worker, and for who waits for a preview."""
    return ReaderPool.with_limits(limits, _side_by_side(limits) + BESIDE_UPLOADS)


def _side_by_side(limits: IngestSettings) -> int:
    return limits.readers or suitable_readers(len(os.sched_getaffinity(0)))
