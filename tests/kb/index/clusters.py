"""A cluster for tests of its indexes: real Postgres, real Tantivy folders, one folder a node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import numpy as np

from kb.index.applier import Applier
from kb.index.embedded_chroma.vectors import ChromaVectors
from kb.index.keyword_copies.node import KeywordCopies
from kb.index.keyword_copies.nodes import KeywordNodes
from kb.protocols import IndexKey
from kb.search.fallback import MatchingChunks
from kb.store.content import (
    chunks,
    datasets,
    documents,
    embeddings,
    index_ops,
    indexed,
)
from kb.store.content.indexed import IndexedVersion
from kb.store.engine.postgres import PostgresDatabase
from kb.store.work import batches, deletion, jobs, placing
from kb.store.work.placing import Upload, UploadTarget
from kb.types import Chunk, Dataset, Page, Scope, Span

ADMIN = Scope.admin()
EMBEDDER = "test"


@dataclass
class Cluster:
    """A worker with the duty of applying, and nodes that search; each has its own connections."""

    url: str
    folder: Path
    database: PostgresDatabase
    vectors: ChromaVectors
    alive: set[str]
    opened: list[PostgresDatabase]

    def node(self, name: str, **options) -> KeywordCopies:
        self.alive.add(name)
        return KeywordCopies(self.another(), self.place(name), name, open_limit=4, **options)

    def place(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        return folder

    def another(self) -> PostgresDatabase:
        """As another process has it."""
        self.opened.append(database := PostgresDatabase(self.url, connections=8))
        return database

    def applier(self, patience_s: float = 30.0, renewal_s: float = 30.0) -> Applier:
        nodes = KeywordNodes(
            self.database, lambda: self.alive, patience_s=patience_s, renewal_s=renewal_s
        )
        return Applier(self.database, self.vectors, nodes, followers=nodes)

    def dataset(self, name: str = "manuals") -> Dataset:
        make = {"name": name, "embedder": EMBEDDER, "model": EMBEDDER}
        return self.database.writing(datasets.create, ADMIN, **make)

    def store(self, dataset: Dataset, name: str, *texts: str) -> str:
        """Everything up to the indexes; returns the document's id."""
        whole = "\n\n".join(texts)
        upload = Upload(name, "text/markdown", f"{name}:{whole}", len(whole))
        hashes = [embeddings.text_hash(text) for text in texts]
        with self.database.write() as tx:
            batch_id = batches.create(tx, ADMIN, dataset.id)
            (placed,) = placing.put(tx, UploadTarget(ADMIN, dataset.id, batch_id), [upload])
            document = placed.document
            embeddings.put(tx, EMBEDDER, hashes, unit_vectors(texts), owner="w")
            parts = tuple(pieces(document.id, document.version, texts))
            version = IndexedVersion(
                document.id, document.version, dataset.id, 1, (Page(1, whole),), parts, {}
            )
            indexed.put(tx, [version])
            jobs.drop(tx, document.id)
        return document.id

    def delete(self, document_id: str) -> None:
        self.database.writing(deletion.delete_document, ADMIN, document_id)

    def search(self, node: KeywordCopies, dataset: Dataset, text: str) -> list[str]:
        """The ids of the live documents that a search on a node finds, by its copy or by SQL."""
        key = IndexKey(dataset.id, dataset.generation)
        hits = MatchingChunks(node, node._database).query(key, text, 40)
        live = node._database.reading(
            chunks.live, ADMIN, [hit.chunk_id for hit in hits], {dataset.id: dataset.generation}
        )
        return [hit.chunk_id.partition(".")[0] for hit in hits if hit.chunk_id in live]

    def status(self, document_id: str) -> str:
        return self.database.reading(documents.get, ADMIN, document_id).status


def unit_vectors(texts):
    rows = [np.random.default_rng(len(t) + sum(map(ord, t))).standard_normal(8) for t in texts]
    vectors = np.array(rows, np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def pieces(document_id: str, version: int, texts, generation: int = 1) -> Iterator[Chunk]:
    position, prefix = 0, index_ops.chunk_prefix(document_id, version, generation)
    for index, text in enumerate(texts):
        span = Span(1, position, position + len(text))
        yield Chunk(f"{prefix}.{index}", document_id, index, (span,), text, "", text)
        position += len(text) + 2


def key_of(dataset: Dataset) -> IndexKey:
    return IndexKey(dataset.id, dataset.generation)


def behind(action: Callable[[], object]) -> Thread:
    thread = Thread(target=action, daemon=True)
    thread.start()
    return thread
