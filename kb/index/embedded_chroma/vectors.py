"""Nearest neighbours through embedded Chroma: one folder per dataset and generation.

A folder of its own answers in 2 ms where a filter in a shared collection of 100,000 took 52, keeps
damage inside one dataset, and can be erased: Chroma leaves deleted rows in its files. Ids and
vectors only; the words live in SQL. One process may open a folder, once: a second handle answers
from stale files without an error.

Chroma's core in Rust is called itself. The Python package around it would bring gRPC, telemetry and
clients of a server, a third of the processor time of a start, to check and copy what is right here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import chromadb_rust_bindings as chroma

from kb.index.embedded_chroma.unused_rows import empty_unused_rows
from kb.index.folders import IndexFolders, IndexLibrary
from kb.index.health import IndexHealth
from kb.index.hnsw import HNSW
from kb.index.open_indexes import Absent
from kb.protocols import IndexKey, Scored, Vectors

COLLECTION = "chunks"
PAGE = 1000
CONFIGURATION = json.dumps({"hnsw": HNSW, "embedding_function": {"type": "legacy"}})
PLACE = ("default_tenant", "default_database")
GRAPHS = 16
"""Graphs that a folder keeps open; it has one."""


@dataclass(slots=True)
class _OpenVectors:
    path: Path
    bindings: Any
    chunks: str
    batch: int

    def page(self, limit: int, offset: int = 0) -> list[str]:
        """Ids, each of which has its vector."""
        found = self.bindings.get(
            self.chunks, None, None, limit, offset, None, ["embeddings"], *PLACE
        )
        ids: list[str] = found.ids
        return ids


class ChromaVectors:
    """A `VectorIndex` in `root/<dataset>/g<generation>/vectors`. Thread-safe.

    Every method may raise IndexDamaged (drop the index and feed it again) and StorageFull.
    """

    def __init__(self, root: Path, *, open_limit: int, health: IndexHealth | None = None) -> None:
        """
        Args:
            open_limit: most folders that stay open: each costs 4 threads and 10 descriptors.
            health: which indexes may be opened.
        """
        library = IndexLibrary("vector", (), _connected, _close, changes_when_read=True)
        self._folders = IndexFolders(root, library, open_limit=open_limit, health=health)

    def add(self, key: IndexKey, chunk_ids: Sequence[str], vectors: Vectors) -> None:
        """Add rows; an id that is there keeps its row, and of an id given twice the last counts.

        Nothing is overwritten: the graph links the neighbours of a row anew then, and forgets
        others (`test_rows_written_again_hide_no_others`).
        """
        rows = {chunk_id: row for row, chunk_id in enumerate(chunk_ids)}
        if not rows:
            return
        ids, kept = list(rows), vectors[list(rows.values())]
        with self._folders.lent(key, create=True) as folder:
            _add(folder, ids, kept)

    def remove(self, key: IndexKey, chunk_ids: Sequence[str]) -> None:
        """Forget rows; unknown ids and a missing folder are ignored."""
        with suppress(Absent), self._folders.lent(key, change=True) as folder:
            for start in range(0, len(chunk_ids), folder.batch):
                part = list(chunk_ids[start : start + folder.batch])
                folder.bindings.delete(folder.chunks, part, None, None, None, *PLACE)

    def query(self, key: IndexKey, vector: Vectors, limit: int) -> list[Scored]:
        """The nearest chunks of a (1, dimensions) vector, best first, score = cosine."""
        if limit < 1:
            return []
        with suppress(Absent), self._folders.lent(key) as folder:
            return _nearest(folder, vector, limit)
        return []

    def ids(self, key: IndexKey) -> set[str]:
        """Every chunk id held, each proven to have its vector (3 s for 100,000).

        Chroma keeps ids and graph apart: ids alone would not tell of rows lost from the graph.
        """
        with suppress(Absent), self._folders.lent(key) as folder:
            return set(_all_ids(folder))
        return set()

    def drop(self, key: IndexKey) -> None:
        """Remove the index from disk, unopened."""
        self._folders.drop(key)

    def rebuild_beside(self, key: IndexKey, parts: Iterable[tuple[Sequence[str], Vectors]]) -> None:
        """Make the index anew of (ids, vectors); the present one answers until it is done."""
        with self._folders.rebuilt(key) as opened:
            for ids, vectors in parts:
                _add(opened(), ids, vectors)

    def close(self) -> None:
        """Release the threads and descriptors of every open folder."""
        self._folders.close()


def _connected(path: Path) -> _OpenVectors:
    database = chroma.SqliteDBConfig(
        hash_type=chroma.MigrationHash.MD5,
        migration_mode=chroma.MigrationMode.Apply,
        url=str(path / "chroma.sqlite3"),
    )
    opened = chroma.Bindings(False, database, GRAPHS, str(path))
    chunks = opened.create_collection(COLLECTION, CONFIGURATION, None, None, True, *PLACE)
    folder = _OpenVectors(path, opened, str(chunks.id), opened.get_max_batch_size())
    # Reads one vector: Chroma goes on with an empty graph when the graph's files are lost.
    folder.page(1)
    return folder


def _close(folder: _OpenVectors) -> None:
    del folder.bindings  # the last reference: threads and descriptors go with it
    empty_unused_rows(folder.path)


def _add(folder: _OpenVectors, ids: Sequence[str], vectors: Vectors) -> None:
    for start in range(0, len(ids), folder.batch):
        part = slice(start, start + folder.batch)
        rows = vectors[part].tolist()
        folder.bindings.add(list(ids[part]), folder.chunks, rows, None, None, None, *PLACE)


def _nearest(folder: _OpenVectors, vector: Vectors, limit: int) -> list[Scored]:
    found = folder.bindings.query(
        folder.chunks, None, vector.tolist(), limit, None, None, ["distances"], *PLACE
    )
    return [
        Scored(chunk_id, min(1.0, 1.0 - distance))
        for chunk_id, distance in zip(found.ids[0], found.distances[0], strict=True)
    ]


def _all_ids(folder: _OpenVectors) -> Iterator[str]:
    offset = 0
    while page := folder.page(PAGE, offset):
        yield from page
        offset += len(page)
