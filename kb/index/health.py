"""Right answers while an index is not known to be whole, as after an unclean stop.

Opening a torn graph can end the process, so an index is *quarantined* until a child process has
opened it without harm; whoever wants to use it waits. An index that has not been compared with SQL
may lack chunks without a sign of it, so it is *unverified* until then: nearest vectors are computed
from SQL meanwhile, and keyword searches wait.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from kb.errors import IndexDamaged, Unavailable
from kb.protocols import Frequencies, IndexKey, KeywordIndex, Scored, VectorIndex, Vectors
from kb.store.content import texts
from kb.store.engine.database import Database

T = TypeVar("T")

WAIT_S = 10.0
"""How long a keyword search waits for its index to be checked, before it is refused."""


class IndexHealth:
    """Which indexes are quarantined or unverified. Thread-safe."""

    def __init__(self) -> None:
        self._quarantined: set[IndexKey] = set()
        self._unverified: set[IndexKey] = set()
        self._menders: list[Callable[[IndexKey], None]] = []
        self._changed = threading.Condition()
        self._is_closed = False

    def quarantine(self, keys: Iterable[IndexKey]) -> None:
        """Let nobody open these indexes, nor answer from them."""
        with self._changed:
            self._quarantined.update(found := list(keys))
            self._unverified.update(found)

    def quarantined(self) -> set[IndexKey]:
        """The indexes that nobody may open yet."""
        with self._changed:
            return set(self._quarantined)

    def release(self, key: IndexKey) -> None:
        """The index can be opened without harm."""
        with self._changed:
            self._quarantined.discard(key)
            self._changed.notify_all()

    def mark_unverified(self, keys: Iterable[IndexKey]) -> None:
        """Answer no search from these indexes."""
        with self._changed:
            self._unverified.update(keys)

    def mark_verified(self, key: IndexKey) -> None:
        """The index holds what it should."""
        with self._changed:
            self._quarantined.discard(key)
            self._unverified.discard(key)
            self._changed.notify_all()

    @contextmanager
    def rebuilding(self, key: IndexKey) -> Iterator[None]:
        """Answer nothing from an index inside the block; if it fails, nor afterwards."""
        self.mark_unverified([key])
        yield
        self.mark_verified(key)

    def is_verified(self, key: IndexKey) -> bool:
        """Whether searches may be answered from the index."""
        with self._changed:
            return key not in self._unverified

    def report_damage(self, key: IndexKey) -> None:
        """An index was found damaged in use: answer nothing from it, and have it rebuilt."""
        self.mark_unverified([key])
        for mend in self._menders:
            mend(key)

    def on_damage(self, mend: Callable[[IndexKey], None]) -> None:
        """Call this with every index that is found damaged; it must not wait."""
        self._menders.append(mend)

    def wait_released(self, key: IndexKey) -> None:
        """Wait until the index may be opened. Raises Unavailable when the server stops first."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or key not in self._quarantined)
            if key in self._quarantined:
                raise Unavailable("The server is stopping.")

    def wait_verified(self, key: IndexKey, timeout_s: float) -> bool:
        """Wait until searches may be answered from the index; False if that takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: key not in self._unverified, timeout_s)

    def close(self) -> None:
        """Nobody waits for a quarantined index any longer."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()


class NearestTexts:
    """The nearest texts, right whatever state the vector index is in."""

    def __init__(self, index: VectorIndex, health: IndexHealth, database: Database) -> None:
        """`index` has rows named by `kb.store.content.texts`."""
        self._index = index
        self._health = health
        self._database = database

    def query(self, key: IndexKey, vector: Vectors, limit: int) -> list[Scored]:
        """The nearest of a (1, dimensions) vector, best first, score = cosine; while the index is
        not verified all vectors are compared, straight from SQL."""
        if self._health.is_verified(key):
            try:
                return self._index.query(key, vector, limit)
            except IndexDamaged:
                self._health.report_damage(key)
        return self._database.reading(texts.nearest, key, vector, limit)


class VerifiedKeywords:
    """Keyword searches that are rather refused than answered from half an index."""

    def __init__(self, index: KeywordIndex, health: IndexHealth, wait_s: float = WAIT_S) -> None:
        self._index = index
        self._health = health
        self._wait_s = wait_s

    def query(self, key: IndexKey, text: str, limit: int) -> list[Scored]:
        """Best matches. Raises IndexDamaged when the index cannot be verified for long."""
        return self._verified(key, lambda: self._index.query(key, text, limit))

    def frequencies(self, key: IndexKey, text: str) -> Frequencies:
        """How common the terms of a question are. Raises IndexDamaged like `query`."""
        return self._verified(key, lambda: self._index.frequencies(key, text))

    def _verified(self, key: IndexKey, ask: Callable[[], T]) -> T:
        deadline = time.monotonic() + self._wait_s
        while True:
            if not self._health.wait_verified(key, deadline - time.monotonic()):
                raise IndexDamaged("keyword", key.dataset_id, key.generation)
            try:
                return ask()
            except IndexDamaged:
                self._health.report_damage(key)
