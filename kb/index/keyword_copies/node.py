"""The keyword indexes that one process of a cluster has, in its own folder.

They are made from SQL and follow the log of operations; a row for each says how far it has come. A
search looks at its row first: a copy that is late, not made yet or gone is not asked, and SQL
answers. What is left in the folder by a process that was killed is of an unknown age, and removed.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from kb.background import Loop
from kb.errors import IndexDamaged, Unavailable
from kb.index.applier import (
    OPS_AT_ONCE,
    ROWS_AT_ONCE,
    bounded,
    by_index,
    contents,
    rows_added,
    rows_of,
)
from kb.index.folders import remove_folder
from kb.index.health import IndexHealth, NotHeld
from kb.index.keywords import TantivyKeywords
from kb.iteration import batched
from kb.protocols import Frequencies, IndexKey, IndexName, Scored
from kb.store.content import chunks, generations, index_copies, index_ops
from kb.store.content.index_copies import IndexCopy
from kb.store.content.index_ops import IndexOp
from kb.store.engine.database import Database

logger = logging.getLogger(__name__)

MOST_COPIES = 1000
"""23 MB of disk for 100,000 chunks each; the least recently searched go."""
POLL_S = 1.0
LEFT = "copies.json"
"""The seals of the copies, while no process has them."""


class KeywordCopies:
    """A `KeywordSearch` that raises NotHeld where its copy may not answer. Thread-safe."""

    def __init__(
        self,
        database: Database,
        folder: Path,
        node: str,
        *,
        open_limit: int,
        limit: int = MOST_COPIES,
    ) -> None:
        """
        Args:
            folder: of this process alone; what is in it and not known is removed.
            node: names this process among those that are alive.
            limit: most copies that are kept.
        """
        self._database = database
        self._folder = folder
        self._node = node
        self._limit = limit
        seals = _taken_up(folder)
        self._health = IndexHealth(seals, lambda: database.wakeups.notify("copy"))
        self._index = TantivyKeywords(folder, open_limit=open_limit, health=self._health)
        self._asked: OrderedDict[IndexKey, None] = OrderedDict()
        self._asking = threading.Lock()
        self._turns = defaultdict[IndexKey, threading.Lock](threading.Lock)
        self._made: set[IndexKey] = set()
        self._drops = 0
        self.is_filling = False
        """Whether the copies are being made for the first time since the start."""
        self._making = Loop("copy", self.make, database.wakeups)
        self._following = Loop("apply", self.follow, database.wakeups, is_patient=False)

    def start(self) -> None:
        """Begin to make copies and to follow the log."""
        self.is_filling = True
        self._following.start()
        self._making.start()

    def query(self, key: IndexKey, text: str, limit: int) -> list[Scored]:
        """Best matches, best first, score = BM25 (> 0)."""
        with self._current(key):
            return self._index.query(key, text, limit)

    def frequencies(self, key: IndexKey, text: str) -> Frequencies:
        """How common the terms of a question are; a copy that is late still knows it well."""
        if key not in self._made:
            raise NotHeld(key)
        return self._index.frequencies(key, text)

    def ids(self, key: IndexKey) -> set[str]:
        """Every chunk id in this process's copy."""
        with self._current(key):
            return self._index.ids(key)

    def sample(self, key: IndexKey) -> set[str]:
        """Some of them."""
        with self._current(key):
            return self._index.sample(key)

    def finds(self, key: IndexKey, chunk_id: str, text: str) -> bool:
        """Whether this process's copy finds a chunk by its id and the words of its index_text."""
        with self._current(key):
            return self._index.finds(key, chunk_id, text)

    def close(self) -> None:
        """End, and note what may be trusted when the next process takes the folder."""
        self._following.stop()
        self._making.stop()
        self._index.close()
        found = [
            (key.dataset_id, key.generation, seal)
            for (_, key), seal in self._health.seals().items()
        ]
        (self._folder / LEFT).write_text(json.dumps(found))
        with suppress(Unavailable), self._database.write_beside() as tx:  # else once it is dead
            index_copies.leave(tx, [self._node])

    def follow(self) -> float:
        """Apply the next operations to the copies that are current; returns how long to rest."""
        ops = self._database.reading(index_ops.unapplied, self._node, OPS_AT_ONCE)
        done = [self._followed(key, group) for key, group in by_index(bounded(ops)).items()]
        return 0.0 if any(done) else POLL_S

    def make(self) -> float:
        """Make the copies that are wanted and late, and drop the others."""
        wanted = self._wanted()
        held = self._database.reading(index_copies.of_node, self._node)
        for key in held.keys() - set(wanted):
            self._drop(key)
        with self._database.write_beside() as tx:
            for key in (key for key in wanted if key not in held):
                index_copies.begin(tx, self._node, key)
        held = self._database.reading(index_copies.of_node, self._node)
        damaged = {name.key for name in self._health.damaged()}
        for key in (key for key in wanted if key in held):
            if not held[key].is_current or held[key].is_stained or key in damaged:
                if self._making.is_stopping:
                    break
                self._make(key)
        self.is_filling = False
        return POLL_S

    @contextmanager
    def _current(self, key: IndexKey) -> Iterator[None]:
        """The copy has all that was finished before now. Raises NotHeld."""
        drops = self._drops
        is_current = self._database.asking(index_copies.is_current, self._node, key)
        with self._asking:
            self._asked[key] = None
            self._asked.move_to_end(key)
        if not is_current:
            self._database.wakeups.notify("copy")
            raise NotHeld(key)
        yield
        if drops != self._drops:  # it may be this one that is gone, and found nothing
            raise NotHeld(key)

    def _wanted(self) -> list[IndexKey]:
        """What was asked for here last, then what was searched last anywhere."""
        present = self._database.reading(generations.index_keys)
        with self._asking:
            for key in self._asked.keys() - set(present):
                del self._asked[key]
            last = list(reversed(self._asked))
        return list(dict.fromkeys((*last, *present)))[: self._limit]

    def _followed(self, key: IndexKey, ops: Sequence[IndexOp]) -> bool:
        turn = self._turns[key]
        if not turn.acquire(blocking=False):  # it is being made
            return False
        try:
            self._apply(key, ops)
            with self._database.write_beside() as tx:
                index_copies.advance(tx, self._node, key, ops[-1].seq)
            return True
        except Unavailable as exc:
            if not isinstance(exc, IndexDamaged):  # that is made anew
                logger.warning("the copy of %s cannot follow: %s", key.dataset_id, exc.detail)
            return False
        finally:
            turn.release()

    def _apply(self, key: IndexKey, ops: Sequence[IndexOp]) -> None:
        """Adds, then removals, as the applier does."""
        with self._database.read() as tx:
            rows = list(rows_added(tx, ops))
        for part in batched(rows, ROWS_AT_ONCE):
            self._index.upsert(key, part)
        gone = [name for op in ops if op.kind == "remove" for name in op.chunk_ids()]
        if gone:
            self._index.remove(key, gone)

    def _make(self, key: IndexKey) -> None:
        """Bring a copy up to what SQL says now. What is finished meanwhile makes it late again."""
        with self._turns[key]:
            with self._database.read() as tx:
                copy = index_copies.of_node(tx, self._node).get(key)
                pending = index_ops.of_index(tx, key)
                expected = chunks.live_ids(tx, key.dataset_id, key.generation)
            if copy is None:
                return
            try:
                self._fill(copy, expected, pending)
            except Unavailable as exc:
                logger.warning("no copy of %s can be made: %s", key.dataset_id, exc.detail)
                return
            with self._database.write_beside() as tx:
                newest = max([copy.missed_seq, *(op.seq for op in pending)])
                index_copies.advance(tx, self._node, key, newest)
                if copy.is_stained:
                    index_copies.note_renewed(tx, self._node, copy)
            self._made.add(key)

    def _fill(self, copy: IndexCopy, expected: set[str], pending: Sequence[IndexOp]) -> None:
        key = copy.key
        held = None if copy.is_stained else self._held(key)
        if not held:
            with self._database.read() as tx:
                self._index.rebuild_beside(key, batched(contents(tx, key), ROWS_AT_ONCE))
        else:
            waiting = {name for op in pending for name in op.chunk_ids()}
            with self._database.read() as tx:
                rows = list(rows_of(tx, expected - held))
            for part in batched(rows, ROWS_AT_ONCE):
                self._index.upsert(key, part)
            self._index.remove(key, sorted(held - expected - waiting))
        self._apply(key, pending)

    def _held(self, key: IndexKey) -> set[str]:
        """What a sound copy holds."""
        try:
            return self._index.ids(key)
        except IndexDamaged:
            return set()

    def _drop(self, key: IndexKey) -> None:
        with self._turns[key]:
            with self._database.write_beside() as tx:
                index_copies.leave(tx, [self._node], key)
            self._made.discard(key)
            self._drops += 1
            self._index.drop(key)


def _taken_up(folder: Path) -> dict[IndexName, str]:
    """The seals of what a process left that was closed; all else in the folder goes."""
    noted, seals = folder / LEFT, {}
    if noted.is_file():
        for dataset_id, generation, seal in json.loads(noted.read_text()):
            seals[IndexName("keyword", IndexKey(dataset_id, generation))] = seal
        noted.unlink()
    known = {name.key.dataset_id for name in seals}
    for path in folder.glob("*"):
        if path.name not in known:
            remove_folder(path)
    return seals
