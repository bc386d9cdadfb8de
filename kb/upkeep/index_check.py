"""Compares indexes with SQL, and asks them what they must know; if need be in a child process.

A graph that was torn while it was written can crash whoever loads or walks it, and nothing in that
process can catch it (chroma-core/chroma#7510). So what a process left open when it was killed is
looked at by a child: what it dies of is found by how far it has come.
"""

from __future__ import annotations

import logging
import os
import resource
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from kb.child_process import import_path, module_command
from kb.errors import NotFound, Unavailable
from kb.files.folder import DataFolder
from kb.index.applier import contents
from kb.index.embedded_chroma.vectors import ChromaVectors
from kb.index.health import NotHeld
from kb.index.keywords import TantivyKeywords
from kb.protocols import KINDS, IndexKey, IndexKind, IndexName, KeywordIndex, VectorIndex
from kb.store.content import chunks, embeddings, generations, index_ops, texts
from kb.store.engine.database import Database, Transaction
from kb.store.engine.sqlite import SqliteDatabase

logger = logging.getLogger(__name__)

PROBED_VECTORS = 200
"""Vectors per dataset that must find themselves; all of them when there are fewer."""

FAR_NEIGHBOURS = 5000
HARD_TO_REACH = 0.01
"""Of nearly equal texts in great number a whole graph does not reach some before it looks as far as
this: 20 of 104,000 vectors in 56 graphs of 1,800 to 15,000, at most 4 in 2,000 of one, all of them
found by looking for so many. A damaged graph loses more, or for good."""

GLANCE_S = 0.2
PATIENCE_S = 120.0
"""For one index: damaged links can also lead in circles. 100,000 chunks take about 5 s."""

_ROWS = {"vector": "texts", "keyword": "chunks"}
"""What the rows of an index stand for."""


class IndexCheck:
    """Asks the indexes of one data folder. The applier must rest meanwhile."""

    def __init__(self, database: Database, vectors: VectorIndex, keywords: KeywordIndex) -> None:
        self._database = database
        self._vectors = vectors
        self._keywords = keywords

    def problems(self, key: IndexKey, kind: IndexKind) -> Iterator[tuple[str, str]]:
        """(code, what is wrong) where an index does not hold and find exactly what SQL says."""
        try:
            held = (self._vectors if kind == "vector" else self._keywords).ids(key)
            with self._database.read() as tx:
                expected, waiting = _promised(tx, key, kind)
            missing, ghosts = len(expected - held - waiting), len(held - expected - waiting)
            if missing or ghosts:
                yield (
                    f"{kind}_index",
                    f"the {kind} index lacks {missing} {_ROWS[kind]} and holds {ghosts} that are "
                    "gone. `kb fsck --repair` rebuilds it.",
                )
            lost, asked = (
                self._lost_vectors(key, sorted(expected - waiting))
                if kind == "vector"
                else self._lost_words(key, waiting)
            )
            if lost:
                yield (
                    f"{kind}_search",
                    f"{lost} of {asked} probed {_ROWS[kind]} are not found by their own "
                    f"{'vector' if kind == 'vector' else 'words'}. `kb fsck --repair` rebuilds "
                    "the index.",
                )
        except NotHeld:
            return  # others have copies of it, and check those
        except Unavailable as exc:
            yield f"{kind}_index", exc.detail

    def _lost_vectors(self, key: IndexKey, known: Sequence[str]) -> tuple[int, int]:
        """How many of a sample do not find themselves, and its size.

        A few may be hard to reach; that a row cannot be reached at all is damage.
        """
        sample = known[:: max(1, len(known) // PROBED_VECTORS)]
        with self._database.read() as tx:
            stored = embeddings.of_texts(tx, generations.embedder_of(tx, key), sample)

        def lost(names: Sequence[str], limit: int) -> list[str]:
            return [
                name
                for name in names
                if name not in stored or not self._finds(key, stored[name], limit)
            ]

        missed = lost(sample, 1)
        if len(missed) <= len(sample) * HARD_TO_REACH:
            missed = lost(missed, FAR_NEIGHBOURS)
        return len(missed), len(sample)

    def _finds(self, key: IndexKey, vector: np.ndarray, limit: int) -> bool:
        # Some texts have equal vectors, so the score decides and not the name.
        hits = self._vectors.query(key, vector.reshape(1, -1), limit)
        return bool(hits) and hits[0].score > 1 - 1e-3

    def _lost_words(self, key: IndexKey, waiting: set[str]) -> tuple[int, int]:
        """The same for words, with a sample of each segment."""
        sample = self._keywords.sample(key) - waiting
        with self._database.read() as tx:
            known = {name: text for name, text in contents(tx, key) if name in sample}
        found = (self._keywords.finds(key, name, text) for name, text in known.items())
        return len(known) - sum(found), len(known)


def _promised(tx: Transaction, key: IndexKey, kind: IndexKind) -> tuple[set[str], set[str]]:
    """The rows that an index must hold, and those about which a step is not applied yet."""
    if kind == "vector":
        return texts.live(tx, key), index_ops.waiting_texts(tx, key)
    expected = chunks.live_ids(tx, key.dataset_id, key.generation)
    return expected, index_ops.waiting_ids(tx, key.dataset_id, key.generation)


def checked(
    folder: DataFolder, names: Sequence[IndexName], is_stopping: Callable[[], bool]
) -> Iterator[tuple[IndexName, bool]]:
    """Each index, and whether a child could open it and found no problem."""
    waiting = list(names)
    while waiting and not is_stopping():
        for line in _survived(folder.root, tuple(waiting), is_stopping):
            yield waiting.pop(0), line.strip() == b"whole"
        if waiting and not is_stopping():
            logger.warning("opening an index of dataset %s is not safe", waiting[0].key.dataset_id)
            yield waiting.pop(0), False


def _survived(
    root: Path, names: Sequence[IndexName], is_stopping: Callable[[], bool]
) -> Iterator[bytes]:
    """One line for each index, in order, until the child ends or stands still."""
    with subprocess.Popen(
        module_command("kb.upkeep.index_check", str(root.resolve())),
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={**os.environ, "PYTHONPATH": import_path()},
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            for kind, key in names:
                with suppress(BrokenPipeError):
                    child.stdin.write(f"{kind}/{key.dataset_id}/{key.generation}\n".encode())
                deadline = time.monotonic() + PATIENCE_S
                while not select.select([child.stdout], [], [], GLANCE_S)[0]:
                    if is_stopping() or time.monotonic() > deadline:
                        return
                if not (line := child.stdout.readline()):
                    return
                yield line
        finally:
            child.kill()


def main() -> None:
    """The child: say of each index whether it is whole."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    folder = DataFolder(Path(sys.argv[1]))
    vectors = ChromaVectors(folder.index, open_limit=1)
    keywords = TantivyKeywords(folder.index, open_limit=1)
    check = IndexCheck(SqliteDatabase(folder.database), vectors, keywords)
    for line in sys.stdin:
        kind, dataset_id, generation = line.split("/")
        key, known = IndexKey(dataset_id, int(generation)), next(k for k in KINDS if k == kind)
        try:
            is_whole = not any(check.problems(key, known))
        except NotFound:  # deleted meanwhile: what is left of it is dropped
            is_whole = True
        vectors.close()  # its files change until then, and are sealed as soon as it has spoken
        keywords.close()
        sys.stdout.write("whole\n" if is_whole else "damaged\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
