"""Reads and splits documents as tasks of Ray, each in a killable child on the node that runs it.

A task may be lost with its process or node: Ray begins it again elsewhere. What it gives back is
stored by the worker that asked, in a transaction which checks that its claim still holds.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import ray
from ray.exceptions import RayError, RayTaskError

from ingest.sandbox.child import POLL_S, Unwanted
from ingest.sandbox.processing import Processed
from ingest.sandbox.reader_process import Plan, ReaderPool, SourceFile
from ingest.types import Extraction
from kb.errors import Unavailable
from kb.models.embed.tokenizer import open_tokenizer
from kb.settings import IngestSettings

Result = TypeVar("Result")

TRIES_ELSEWHERE = 3
"""How often Ray begins a task again whose process or node is gone."""


@dataclass(frozen=True, slots=True)
class SpelledTokenizer:
    """A tokenizer on its way to another process."""

    spelled: str

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """As `Tokenizer.offsets`."""
        return list(open_tokenizer(self.spelled).offsets(text))


class RayReaders:
    """Has documents read by tasks. Thread-safe: each call waits for one task."""

    def __init__(self, limits: IngestSettings, *, cpus: float) -> None:
        """
        Args:
            cpus: of a node that a task occupies; a part of one lets several share it.
        """
        self._limits = limits
        options = {"num_cpus": cpus, "memory": limits.read_memory_bytes}
        self._options = {**options, "max_retries": TRIES_ELSEWHERE}

    def process(
        self, source: SourceFile | Extraction, plan: Plan, is_wanted: Callable[[], bool]
    ) -> Processed:
        """As `ReaderPool.process`; Unavailable also where the cluster is away."""
        portable = replace(plan, tokenizer=SpelledTokenizer(plan.tokenizer.spelled))
        if isinstance(source, Extraction):
            return self._done(is_wanted, _process, source, portable)
        with_file = (source.path.read_bytes(), source.media_type, source.encoding)
        return self._done(is_wanted, _read_and_process, *with_file, portable)

    def read(self, path: Path, media_type: str, encoding: str | None = None) -> Extraction:
        """As `ReaderPool.read`."""
        return self._done(_always, _read, path.read_bytes(), media_type, encoding)

    def close(self) -> None:
        """Tasks in hand end with this process, to which they belong."""

    def _done(
        self, is_wanted: Callable[[], bool], task: Callable[..., Result], *arguments: object
    ) -> Result:
        try:
            remote = ray.remote(task).options(**self._options)
            wanted = remote.remote(self._limits, *arguments)
            while not ray.wait([wanted], timeout=POLL_S)[0]:
                if not is_wanted():
                    ray.cancel(wanted, force=True)
                    raise Unwanted
            result: Result = ray.get(wanted)
        except RayTaskError as exc:
            raise exc.cause from exc
        except (RayError, ConnectionError) as exc:
            raise Unavailable("The cluster that reads documents cannot be reached.") from exc
        return result


def _process(limits: IngestSettings, read_before: Extraction, plan: Plan) -> Processed:
    return _pool(limits).process(read_before, plan, _always)


def _read_and_process(
    limits: IngestSettings, content: bytes, media_type: str, encoding: str | None, plan: Plan
) -> Processed:
    with _lying(content) as path:
        return _pool(limits).process(SourceFile(path, media_type, encoding), plan, _always)


def _read(
    limits: IngestSettings, content: bytes, media_type: str, encoding: str | None
) -> Extraction:
    with _lying(content) as path:
        return _pool(limits).read(path, media_type, encoding)


@contextmanager
def _lying(content: bytes) -> Iterator[Path]:
    """A file with that content, while it is needed."""
    with tempfile.NamedTemporaryFile(prefix="kb-") as file:
        file.write(content)
        file.flush()
        yield Path(file.name)


@lru_cache(maxsize=1)
def _pool(limits: IngestSettings) -> ReaderPool:
    """Kept by the process that runs tasks: the next one finds its child started."""
    return ReaderPool.with_limits(limits)


def _always() -> bool:
    return True
