"""Chunks for benchmarks of search: real texts over and over with some words replaced, and vectors
around those of real texts, stored through the real store and indexes."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from bench.measuring import text_files
from kb.iteration import batched
from kb.knowledge_base import KnowledgeBase
from kb.protocols import Vectors
from kb.store.content import chunks, datasets, embeddings, index_ops, indexed
from kb.store.content.indexed import IndexedVersion
from kb.store.work import batches, jobs, placing
from kb.store.work.placing import Upload, UploadTarget
from kb.types import Chunk, Page, Scope, Span

SCOPE = Scope.admin()
DATASET = "bench"
CHUNKS_PER_DOCUMENT = 50
CHUNKS_AT_ONCE = 1000
WORDS_PER_CHUNK = 110
CLUSTER = 16
EMBEDDED = 2000
NOISE = 0.5
"""Length of what is added to a unit vector for its cluster, and again for itself."""
ASKED_ABOUT = 10_000
"""Chunks that questions are taken from, the first: the same ones at every size."""
RETRY_S = 0.5
WORD = re.compile(r"[^\W\d_]{2,}")


def dataset_id_of(kb: KnowledgeBase) -> str:
    """The dataset that `fill` makes."""
    found = kb.database.reading(datasets.find, SCOPE, DATASET)
    assert found is not None
    return found.id


def fill(kb: KnowledgeBase, count: int, folder: Path | None) -> float:
    """Store so many chunks, unless they are there; returns the seconds that took."""
    began = time.perf_counter()
    for _ in filling(kb, count, folder):
        pass
    return time.perf_counter() - began


def filling(kb: KnowledgeBase, count: int, folder: Path | None) -> Iterator[int]:
    """Store chunks until there are so many; yields how many there are after each transaction, and
    at the end once the indexes have them all. What was broken off goes on behind the last."""
    stored = kb.database.reading(chunks.count)
    if stored < count:
        found = kb.database.reading(datasets.find, SCOPE, DATASET)
        dataset_id = (found or kb.create_dataset(SCOPE, DATASET)).id
        wanted = min(EMBEDDED, -(-count // CLUSTER))
        real = islice(texts_of(folder, random.Random(0)), wanted)
        centres = kb.embedder.embed_documents([_readable(kb, text) for text in real])
        texts = islice(texts_of(folder, random.Random(1)), stored, count)
        while parts := list(islice(texts, CHUNKS_AT_ONCE)):
            _store(kb, dataset_id, stored // CHUNKS_PER_DOCUMENT, parts, centres)
            stored += len(parts)
            yield stored
    kb.applier.drain()
    while kb.database.reading(index_ops.waiting):  # a server was away, and that is tried again
        time.sleep(RETRY_S)
        kb.applier.drain()
    yield stored


def _readable(kb: KnowledgeBase, text: str) -> str:
    return text[: kb.embedder.tokenizer.offsets(text)[: kb.embedder.max_tokens][-1][1]]


def _store(
    kb: KnowledgeBase, dataset_id: str, first: int, texts: Sequence[str], centres: Vectors
) -> None:
    """Store documents in one transaction, from the one of that number on."""
    parts = list(enumerate(batched(texts, CHUNKS_PER_DOCUMENT), first))
    uploads = [
        Upload(f"{number}.md", "text/markdown", f"{number:064}", len("\n\n".join(own)))
        for number, own in parts
    ]
    vectors = np.concatenate([_vectors(centres, number, len(own)) for number, own in parts])
    hashes = [embeddings.text_hash(text) for text in texts]
    with kb.database.write() as tx:
        batch_id = batches.create(tx, SCOPE, dataset_id)
        placed = placing.put(tx, UploadTarget(SCOPE, dataset_id, batch_id), uploads)
        embeddings.put(tx, kb.embedder.fingerprint, hashes, vectors, owner=kb.owner.id)
        ids = [each.document.id for each in placed]
        pairs = zip(ids, parts, strict=True)
        indexed.put(tx, [_version(each, dataset_id, own) for each, (_, own) in pairs])
        jobs.drop(tx, *ids)


def _version(document_id: str, dataset_id: str, texts: Sequence[str]) -> IndexedVersion:
    pages = (Page(1, "\n\n".join(texts)),)
    found = tuple(_chunks(document_id, texts))
    return IndexedVersion(document_id, 1, dataset_id, 1, pages, found, {})


def _chunks(document_id: str, texts: Sequence[str]) -> Iterator[Chunk]:
    position = 0
    prefix = index_ops.chunk_prefix(document_id, 1, 1)
    for index, part in enumerate(texts):
        span = Span(1, position, position + len(part))
        yield Chunk(f"{prefix}.{index}", document_id, index, (span,), part, "", part)
        position += len(part) + 2


def _vectors(centres: Vectors, number: int, count: int) -> Vectors:
    """Unit vectors in clusters around those of real texts."""
    draw = np.random.default_rng(number)

    def noise(rows: int) -> Vectors:
        drawn = draw.standard_normal((rows, centres.shape[1])).astype(np.float32)
        shortened: Vectors = NOISE * drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
        return shortened

    clusters = -(-count // CLUSTER)
    first = number * clusters
    near = centres[np.arange(first, first + clusters) % len(centres)] + noise(clusters)
    rows = np.repeat(near, CLUSTER, axis=0)[:count] + noise(count)
    unit: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def texts_of(folder: Path | None, choose: random.Random) -> Iterator[str]:
    """Texts without end, no two alike."""
    if folder is None:
        words = [f"w{rank:x}" + "aeiou"[rank % 5] * 2 for rank in range(50_000)]
        weights = [1 / (rank + 1) for rank in range(len(words))]
        while True:
            yield " ".join(choose.choices(words, weights, k=WORDS_PER_CHUNK))
    words = [word for path in text_files(folder) for word in path.read_text("utf-8").split()]
    while True:
        for start in range(0, len(words) - WORDS_PER_CHUNK, WORDS_PER_CHUNK):
            part = words[start : start + WORDS_PER_CHUNK]
            for _ in range(WORDS_PER_CHUNK // 10):
                part[choose.randrange(len(part))] = choose.choice(words)
            yield " ".join(part)


def questions_of(kb: KnowledgeBase, dataset_id: str, count: int) -> list[str]:
    """3 to 8 words of the text each."""
    choose = random.Random(1)
    with kb.database.read() as tx:
        rows = [text for _, text in islice(chunks.live_of_dataset(tx, dataset_id), ASKED_ABOUT)]
    found: list[str] = []
    while len(found) < count:
        words = WORD.findall(choose.choice(rows))
        start = choose.randrange(max(1, len(words) - 8))
        found.append(" ".join(words[start : start + choose.randint(3, 8)]))
    return found
