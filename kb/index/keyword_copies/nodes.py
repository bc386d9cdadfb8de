"""What the applier of a cluster knows of keywords: the nodes that have copies of an index.

They follow the log by themselves, so there is nothing to feed. An operation is finished when all of
them have applied it, or after a while without those that have not: those are late from the very
transaction on that makes its document live.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from kb.errors import Unavailable
from kb.protocols import IndexKey
from kb.store.content import index_copies
from kb.store.engine.database import Database, Transaction

PATIENCE_S = 5.0
"""A document is ready so much later at most because of a node that does not follow."""
RENEWAL_S = 60.0
LOOK_S = 0.05


class KeywordNodes:
    """The copies of all nodes, as one index that is fed, and as what is waited for."""

    def __init__(
        self,
        database: Database,
        living: Callable[[], set[str]],
        *,
        patience_s: float = PATIENCE_S,
        renewal_s: float = RENEWAL_S,
    ) -> None:
        """
        Args:
            living: the nodes that are alive.
            patience_s: for a node that has not applied what is to be finished.
            renewal_s: for all nodes to make the files of one index anew.
        """
        self._database = database
        self._living = living
        self._patience_s = patience_s
        self._renewal_s = renewal_s
        self._slow: set[str] = set()

    def upsert(self, key: IndexKey, chunks: Iterable[tuple[str, str]]) -> None:
        """Each node does it."""

    def remove(self, key: IndexKey, chunk_ids: Sequence[str]) -> None:
        """Each node does it."""

    def drop(self, key: IndexKey) -> None:
        """Each node does it when the generation is gone."""

    def rebuild_beside(self, key: IndexKey, parts: Iterable[Iterable[tuple[str, str]]]) -> None:
        """Have all living nodes make their files anew.

        Raises:
            Unavailable: one of them has not yet; it goes on, and so may a later call.
        """
        self._database.writing(index_copies.renew, key)
        if not self._all(lambda: self._stained(key), self._renewal_s):
            raise Unavailable(
                "A node has yet to make its copy of an index anew. This is tried again by itself."
            )

    def wait(self, key: IndexKey, seq: int) -> None:
        """Return when all nodes have applied an operation, or one is too slow.

        Who was too slow once is not waited for before it has caught up.
        """
        self._all(lambda: self._behind(key, seq), self._patience_s)
        self._slow |= self._behind(key, seq)

    def pass_by(self, tx: Transaction, key: IndexKey, seq: int) -> None:
        """Finish operations in their transaction: who has not applied them is late."""
        index_copies.pass_by(tx, key, seq)

    def _all(self, missing: Callable[[], set[str]], patience_s: float) -> bool:
        """Whether nobody is missing before the time is over."""
        deadline, wakeups = time.monotonic() + patience_s, self._database.wakeups
        while True:
            since = wakeups.count("copied")
            if not missing():
                return True
            if time.monotonic() > deadline:
                return False
            wakeups.wait("copied", LOOK_S, since=since)

    def _behind(self, key: IndexKey, seq: int) -> set[str]:
        found = self._database.reading(index_copies.reached, key, seq)
        self._slow -= {node for node, has_reached in found.items() if has_reached}
        return self._alive({node for node, has_reached in found.items() if not has_reached})

    def _stained(self, key: IndexKey) -> set[str]:
        return self._alive(self._database.reading(index_copies.stained, key))

    def _alive(self, nodes: set[str]) -> set[str]:
        """Those of the nodes that are worth a wait; the rows of dead ones go."""
        if not nodes:
            return nodes
        if dead := nodes - self._living():
            with self._database.write_beside() as tx:
                index_copies.leave(tx, dead)
        return nodes - dead - self._slow
