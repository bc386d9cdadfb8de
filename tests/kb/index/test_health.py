"""While an index is unverified, answers are right all the same; a deadly one is never opened."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from ingest.sandbox.reader_process import ReaderPool
from ingest.work import pipeline
from kb.errors import IndexDamaged
from kb.index.applier import Applier
from kb.index.embedded_chroma.probe import probed
from kb.index.embedded_chroma.vectors import ChromaVectors
from kb.index.health import IndexHealth, NearestTexts, VerifiedKeywords
from kb.knowledge_base import KnowledgeBase, open_kb
from kb.protocols import IndexKey
from kb.settings import Settings
from kb.store.content import index_ops
from kb.types import Retrieval
from tests.parts import ADMIN, begin_all, embed_and_store, ingest, upload

ROWS = 1200  # over 1,000 Chroma writes its graph to disk
LINES = [f"Line word{n}a holds word{n}b and word{n}c." for n in range(60)]


def never() -> bool:
    return False


def unit_vectors(rows: int) -> np.ndarray:
    vectors = np.random.default_rng(0).standard_normal((rows, 16)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def with_graph(root: Path, name: str) -> IndexKey:
    key = IndexKey(name, 1)
    index = ChromaVectors(root, open_limit=1)
    index.upsert(key, [f"doc.1.1.{row}" for row in range(ROWS)], unit_vectors(ROWS))
    index.close()
    return key


def make_deadly(root: Path, key: IndexKey) -> None:
    """All vectors are there, and each row's links lead far out of memory."""
    (graph,) = (root / key.dataset_id / f"g{key.generation}").rglob("data_level0.bin")
    content = bytearray(graph.read_bytes())
    row = len(content) // ((graph.parent / "length.bin").stat().st_size // 4)
    for start in range(0, len(content), row):
        content[start + 4 : start + 132] = b"\xff\xff\xff\x7f" * 32
    graph.write_bytes(content)


@pytest.fixture
def readers():
    pool = ReaderPool(timeout_s=30, memory_bytes=2**30, max_characters=10**6)
    yield pool
    pool.close()


def stored(kb: KnowledgeBase, readers: ReaderPool, dataset: str, files: dict[str, str]) -> None:
    """Everything up to the indexes."""
    upload(kb, dataset, files)
    prepared = [pipeline.prepare(kb, readers, job) for job in begin_all(kb)]
    embed_and_store(kb, prepared, never)


def leave_uncleanly(kb: KnowledgeBase) -> None:
    kb.verification.is_due = True
    kb.close()


def test_a_child_finds_the_index_that_would_kill_and_only_that(tmp_path: Path):
    keys = [with_graph(tmp_path, name) for name in ("first", "second", "third")]
    make_deadly(tmp_path, keys[1])
    assert ChromaVectors(tmp_path, open_limit=1).graphs() == keys
    assert list(probed(tmp_path, keys, never)) == list(zip(keys, (True, False, True), strict=True))


def test_damage_that_is_told_is_probed(tmp_path: Path):
    key = with_graph(tmp_path, "d")
    (graph,) = tmp_path.rglob("data_level0.bin")
    graph.write_bytes(graph.read_bytes()[:1000])
    assert list(probed(tmp_path, [key], never)) == [(key, False)]


@pytest.fixture
def filled(settings: Settings) -> tuple[Settings, str]:
    kb = open_kb(settings)
    dataset = kb.create_dataset(ADMIN, "d").id
    ingest(kb, dataset, {f"{n}.txt": line for n, line in enumerate(LINES)})
    leave_uncleanly(kb)
    return settings, dataset


def names(kb: KnowledgeBase, dataset: str, query: str, mode: str) -> list[str]:
    hits = kb.searcher.search(ADMIN, [dataset], query, Retrieval(top_k=1, mode=mode)).hits
    return [hit.document_name for hit in hits]


@pytest.mark.parametrize("lost", ["vectors", "keywords"])
def test_a_search_right_after_an_unclean_stop_misses_nothing(filled: tuple[Settings, str], lost):
    settings, dataset = filled
    shutil.rmtree(settings.data_dir / "index" / dataset / "g1" / lost)
    kb = open_kb(settings)
    try:
        for number, line in enumerate(LINES):
            assert names(kb, dataset, line, "vector") == [f"{number}.txt"]
            assert names(kb, dataset, f"word{number}b", "keyword") == [f"{number}.txt"]
        assert kb.fsck.run().is_clean
    finally:
        kb.close()


def test_an_index_that_would_kill_is_rebuilt_and_searched_meanwhile(filled: tuple[Settings, str]):
    settings, dataset = filled
    index, key = settings.data_dir / "index", IndexKey(dataset, 1)
    shutil.rmtree(index / dataset / "g1" / "vectors")
    with_graph(index, dataset)
    make_deadly(index, key)
    kb = open_kb(settings)
    try:
        assert names(kb, dataset, LINES[7], "vector") == ["7.txt"]
        kb.verification._thread.join()
        assert kb.fsck.run().is_clean
        assert names(kb, dataset, LINES[7], "vector") == ["7.txt"]
    finally:
        kb.close()


def test_an_applier_that_finds_a_quarantined_index_keeps_nobody_waiting(kb: KnowledgeBase, readers):
    kb.applier.stop()
    dataset = kb.create_dataset(ADMIN, "d").id
    stored(kb, readers, dataset, {"a.txt": LINES[0]})
    health = IndexHealth()
    health.quarantine([IndexKey(dataset, 1)])
    vectors = ChromaVectors(kb.folder.index, open_limit=1, health=health)
    applier = Applier(kb.database, vectors, kb.keywords, health)
    draining = threading.Thread(target=applier.drain, daemon=True)
    draining.start()
    draining.join(timeout=30)
    assert not draining.is_alive()
    assert kb.database.reading(index_ops.waiting) == 1

    health.release(IndexKey(dataset, 1))
    applier.drain()
    assert kb.database.reading(index_ops.waiting) == 0
    vectors.close()


def test_an_index_found_damaged_in_use_is_mended_and_the_search_answered(kb: KnowledgeBase):
    dataset = kb.create_dataset(ADMIN, "d").id
    ingest(kb, dataset, {f"{n}.txt": line for n, line in enumerate(LINES)})
    kb.vectors.close()
    (kb.folder.index / dataset / "g1" / "vectors" / "chroma.sqlite3").write_bytes(b"no database")
    assert names(kb, dataset, LINES[3], "vector") == ["3.txt"]
    for thread in kb.verification._menders:
        thread.join()
    assert kb.fsck.run().is_clean


def test_the_exact_answer_is_that_of_the_index(kb: KnowledgeBase):
    dataset = kb.create_dataset(ADMIN, "d").id
    ingest(kb, dataset, {f"{n}.txt": line for n, line in enumerate(LINES)})
    key, unverified = IndexKey(dataset, 1), IndexHealth()
    unverified.mark_unverified([key, IndexKey(dataset, 2)])
    exact = NearestTexts(kb.vectors, unverified, kb.database)
    for line in LINES[:10]:
        vector = kb.embedder.embed_query(line)
        near, found = kb.vectors.query(key, vector, 5), exact.query(key, vector, 5)
        assert [round(hit.score, 4) for hit in near] == [round(hit.score, 4) for hit in found]
    assert exact.query(key, vector, 0) == []
    assert exact.query(IndexKey(dataset, 2), vector, 5) == []


def test_nobody_opens_a_quarantined_index_and_all_go_on_when_it_is_released(
    kb: KnowledgeBase, tmp_path: Path
):
    key, health = IndexKey("d", 1), IndexHealth()
    chroma = ChromaVectors(tmp_path / "vectors", open_limit=1, health=health)
    health.quarantine([key])
    adding = threading.Thread(target=chroma.upsert, args=(key, ["a"], unit_vectors(1)), daemon=True)
    adding.start()
    assert NearestTexts(chroma, health, kb.database).query(key, unit_vectors(1), 1) == []
    assert not (tmp_path / "vectors" / "d").exists()
    health.release(key)
    adding.join()
    assert chroma.ids(key) == {"a"}
    chroma.close()


def test_a_keyword_search_is_refused_while_its_index_is_unverified_for_long(kb: KnowledgeBase):
    dataset = kb.create_dataset(ADMIN, "d").id
    ingest(kb, dataset, {"a.txt": "alpha beta"})
    key, health = IndexKey(dataset, 1), IndexHealth()
    keywords = VerifiedKeywords(kb.keywords, health, wait_s=0.05)
    health.mark_unverified([key])
    with pytest.raises(IndexDamaged):
        keywords.query(key, "alpha", 1)
    health.mark_verified(key)
    assert len(keywords.query(key, "alpha", 1)) == 1
