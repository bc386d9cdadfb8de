"""Right answers while an index is not trusted, as after an unclean stop.

Opening a torn graph can end the process, so an index stays *sealed* until a child process has
opened it without harm; whoever wants to use it waits. An index that has not been compared with SQL
may lack chunks without a sign of it, so it stays *doubted* until then: nearest vectors are computed
from SQL meanwhile, and keyword searches wait.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from kb.errors import IndexDamaged, Unavailable
from kb.protocols import (
    Frequencies,
    IndexKey,
    KeywordIndex,
    NearestChunks,
    Scored,
    VectorIndex,
    Vectors,
)

T = TypeVar("T")

WAIT_S = 10.0
"""How long a keyword search waits for its index to be checked, before it is refused."""


class Trust:
    """Which indexes are sealed or doubted. Thread-safe."""

    def __init__(self) -> None:
        self._sealed: set[IndexKey] = set()
        self._doubted: set[IndexKey] = set()
        self._menders: list[Callable[[IndexKey], None]] = []
        self._changed = threading.Condition()
        self._is_closed = False

    def seal(self, keys: Iterable[IndexKey]) -> None:
        """Let nobody open these indexes, nor believe them."""
        with self._changed:
            self._sealed.update(found := list(keys))
            self._doubted.update(found)

    def unseal(self, key: IndexKey) -> None:
        """The index can be opened without harm."""
        with self._changed:
            self._sealed.discard(key)
            self._changed.notify_all()

    def doubt(self, keys: Iterable[IndexKey]) -> None:
        """Do not believe these indexes."""
        with self._changed:
            self._doubted.update(keys)

    def believe(self, key: IndexKey) -> None:
        """The index holds what it should."""
        with self._changed:
            self._sealed.discard(key)
            self._doubted.discard(key)
            self._changed.notify_all()

    @contextmanager
    def rebuilding(self, key: IndexKey) -> Iterator[None]:
        """Do not believe an index inside the block; if it fails, neither afterwards."""
        self.doubt([key])
        yield
        self.believe(key)

    def is_doubted(self, key: IndexKey) -> bool:
        """Whether the index must not be believed."""
        with self._changed:
            return key in self._doubted

    def report_damage(self, key: IndexKey) -> None:
        """An index was found damaged in use: doubt it, and have it rebuilt."""
        self.doubt([key])
        for mend in self._menders:
            mend(key)

    def on_damage(self, mend: Callable[[IndexKey], None]) -> None:
        """Call this with every index that is found damaged; it must not wait."""
        self._menders.append(mend)

    def wait_unsealed(self, key: IndexKey) -> None:
        """Wait until the index may be opened. Raises Unavailable when the server stops first."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or key not in self._sealed)
            if key in self._sealed:
                raise Unavailable("The server is stopping.")

    def wait_believed(self, key: IndexKey, timeout_s: float) -> bool:
        """Wait until the index can be believed; False if that takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: key not in self._doubted, timeout_s)

    def close(self) -> None:
        """Nobody waits for a sealed index any longer."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()


class SealedVectors:
    """A `VectorIndex` that waits before it opens a sealed index."""

    def __init__(self, inner: VectorIndex, trust: Trust) -> None:
        self._inner = inner
        self._trust = trust

    def upsert(self, key: IndexKey, chunk_ids: Sequence[str], vectors: Vectors) -> None:
        """Add or overwrite."""
        self._trust.wait_unsealed(key)
        self._inner.upsert(key, chunk_ids, vectors)

    def remove(self, key: IndexKey, chunk_ids: Sequence[str]) -> None:
        """Forget chunks."""
        self._trust.wait_unsealed(key)
        self._inner.remove(key, chunk_ids)

    def query(self, key: IndexKey, vector: Vectors, limit: int) -> list[Scored]:
        """The nearest chunks, as the index has them."""
        self._trust.wait_unsealed(key)
        return self._inner.query(key, vector, limit)

    def ids(self, key: IndexKey) -> set[str]:
        """Every chunk id held."""
        self._trust.wait_unsealed(key)
        return self._inner.ids(key)

    def drop(self, key: IndexKey) -> None:
        """Remove the index from disk, unopened; what is made in its place is not sealed."""
        self._inner.drop(key)
        self._trust.unseal(key)

    def renew(self, key: IndexKey, parts: Iterable[tuple[Sequence[str], Vectors]]) -> None:
        """Make the index anew; the present one is not opened for it."""
        self._trust.wait_unsealed(key)
        self._inner.renew(key, parts)

    def close(self) -> None:
        """Release files and threads."""
        self._inner.close()


class DependableVectors:
    """Nearest chunks that are right, whatever state the index is in."""

    def __init__(self, inner: NearestChunks, trust: Trust, exact: NearestChunks) -> None:
        self._inner = inner
        self._trust = trust
        self._exact = exact

    def query(self, key: IndexKey, vector: Vectors, limit: int) -> list[Scored]:
        """The nearest chunks; from SQL while the index is not believed."""
        if not self._trust.is_doubted(key):
            try:
                return self._inner.query(key, vector, limit)
            except IndexDamaged:
                self._trust.report_damage(key)
        return self._exact.query(key, vector, limit)


class DependableKeywords:
    """A `KeywordIndex` that would rather refuse a search than answer it from half an index."""

    def __init__(self, inner: KeywordIndex, trust: Trust, wait_s: float = WAIT_S) -> None:
        self._inner = inner
        self._trust = trust
        self._wait_s = wait_s

    def upsert(self, key: IndexKey, chunks: Iterable[tuple[str, str]]) -> None:
        """Add or overwrite."""
        self._inner.upsert(key, chunks)

    def remove(self, key: IndexKey, chunk_ids: Sequence[str]) -> None:
        """Forget chunks."""
        self._inner.remove(key, chunk_ids)

    def query(self, key: IndexKey, text: str, limit: int) -> list[Scored]:
        """Best matches. Raises IndexDamaged when the index cannot be believed for long."""
        return self._believed(key, lambda: self._inner.query(key, text, limit))

    def frequencies(self, key: IndexKey, text: str) -> Frequencies:
        """How common the terms of a question are. Raises IndexDamaged like `query`."""
        return self._believed(key, lambda: self._inner.frequencies(key, text))

    def _believed(self, key: IndexKey, ask: Callable[[], T]) -> T:
        deadline = time.monotonic() + self._wait_s
        while True:
            if not self._trust.wait_believed(key, deadline - time.monotonic()):
                raise IndexDamaged("keyword", key.dataset_id, key.generation)
            try:
                return ask()
            except IndexDamaged:
                self._trust.report_damage(key)

    def ids(self, key: IndexKey) -> set[str]:
        """Every chunk id held."""
        return self._inner.ids(key)

    def drop(self, key: IndexKey) -> None:
        """Remove the index from disk."""
        self._inner.drop(key)

    def renew(self, key: IndexKey, parts: Iterable[Iterable[tuple[str, str]]]) -> None:
        """Make the index anew."""
        self._inner.renew(key, parts)

    def close(self) -> None:
        """Release files and threads."""
        self._inner.close()
