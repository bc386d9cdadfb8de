"""Whatever happens to the files of an index, answers are right and it is made anew."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ingest.sandbox.reader_process import ReaderPool
from ingest.work import pipeline
from kb.files.folder import DataFolder
from kb.index.embedded_chroma.vectors import ChromaVectors
from kb.index.folders import index_path, seal_of
from kb.knowledge_base import KnowledgeBase
from kb.opening.opening import open_kb
from kb.protocols import KINDS, IndexKey, IndexName
from kb.settings import Settings
from kb.store.content import index_ops
from kb.types import Retrieval
from kb.upkeep.index_check import checked
from kb.upkeep.repairing import Repairing
from tests.parts import (
    ADMIN,
    begin_all,
    embed_and_store,
    ingest,
    keyword_files,
    leave_uncleanly,
    upload,
)

ROWS = 1200  # over 1,000 Chroma writes its graph to disk
HERE = (pytest.param("vector", marks=pytest.mark.one_folder), "keyword")
"""The kinds whose files lie in the folder: on the second kit a server has the vectors."""
LINES = [f"Line word{n}a holds word{n}b and word{n}c." for n in range(40)]
FILES = {f"{n}.txt": line for n, line in enumerate(LINES)}


def never() -> bool:
    return False


def unit_vectors(rows: int, width: int) -> np.ndarray:
    vectors = np.random.default_rng(0).standard_normal((rows, width)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def make_deadly(root: Path, key: IndexKey, width: int) -> None:
    """All vectors are there, and each row's links lead far out of memory."""
    shutil.rmtree(root / key.dataset_id / "g1" / "vectors")
    index = ChromaVectors(root, open_limit=1)
    index.add(key, [f"doc.1.1.{row}" for row in range(ROWS)], unit_vectors(ROWS, width))
    index.close()
    (graph,) = (root / key.dataset_id / "g1").rglob("data_level0.bin")
    content = bytearray(graph.read_bytes())
    row = len(content) // ((graph.parent / "length.bin").stat().st_size // 4)
    for start in range(0, len(content), row):
        content[start + 4 : start + 132] = b"\xff\xff\xff\x7f" * 32
    graph.write_bytes(content)


def names(kb: KnowledgeBase, dataset: str, query: str, mode: str) -> list[str]:
    hits = kb.searcher.search(ADMIN, [dataset], query, Retrieval(top_k=1, mode=mode)).hits
    return [hit.document_name for hit in hits]


def assert_all_found(kb: KnowledgeBase, dataset: str) -> None:
    for number, line in enumerate(LINES):
        assert names(kb, dataset, line, "vector") == [f"{number}.txt"]
        assert names(kb, dataset, f"word{number}b", "keyword") == [f"{number}.txt"]


def folder_of(settings: Settings, dataset: str, kind: str) -> Path:
    return settings.data_dir / "index" / dataset / "g1" / f"{kind}s"


@pytest.fixture
def filled(settings: Settings) -> tuple[Settings, str, str]:
    """A closed folder with two datasets: the lines, and others."""
    kb = open_kb(settings)
    dataset, other = (kb.create_dataset(ADMIN, name).id for name in ("d", "other"))
    ingest(kb, dataset, FILES)
    ingest(kb, other, {f"{n}.txt": f"Other text{n} of thing{n}." for n in range(40)})
    kb.close()
    return settings, dataset, other


def lose(folder: Path, _other: Path) -> None:
    shutil.rmtree(folder)


def swap(folder: Path, other: Path) -> None:
    aside = folder.with_name("aside")
    folder.rename(aside)
    other.rename(folder)
    aside.rename(other)


def flip_a_bit(folder: Path, _other: Path) -> None:
    largest = max(folder.rglob("*.*"), key=lambda file: file.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 1
    largest.write_bytes(content)


@pytest.mark.parametrize("kind", HERE)
@pytest.mark.parametrize("harm", [lose, swap, flip_a_bit])
def test_what_happened_to_a_closed_index_is_seen_before_it_is_opened(
    filled: tuple[Settings, str, str], kind: str, harm: Callable[[Path, Path], None]
):
    settings, dataset, other = filled
    harm(folder_of(settings, dataset, kind), folder_of(settings, other, kind))
    kb = open_kb(settings)
    try:
        assert_all_found(kb, dataset)
        kb.repairing.settle()
        assert kb.fsck.run(repair=harm is swap).is_clean
        assert_all_found(kb, dataset)
    finally:
        kb.close()


@pytest.mark.parametrize("kind", HERE)
def test_what_took_the_place_of_an_open_index_is_not_taken_for_it(
    filled: tuple[Settings, str, str], kind: str
):
    settings, dataset, other = filled
    kb = open_kb(settings)
    assert_all_found(kb, dataset)
    swap(folder_of(settings, dataset, kind), folder_of(settings, other, kind))
    kb.close()
    kb = open_kb(settings)
    assert_all_found(kb, dataset)
    kb.repairing.settle()
    assert_all_found(kb, dataset)
    kb.close()


@pytest.mark.one_folder
def test_an_index_that_was_found_whole_has_its_last_files_by_then(
    filled: tuple[Settings, str, str],
):
    settings, *datasets = filled
    names = [IndexName(kind, IndexKey(each, 1)) for kind in KINDS for each in datasets]
    paths = {name: index_path(settings.data_dir / "index", name) for name in names}
    found = {
        name: seal_of(paths[name]) if is_whole else None
        for name, is_whole in checked(DataFolder(settings.data_dir), names, never)
    }
    assert found == {name: seal_of(path) for name, path in paths.items()}


@pytest.mark.parametrize("kind", HERE)
def test_an_earlier_state_of_an_index_is_not_taken_for_the_present_one(settings: Settings, kind):
    kb = open_kb(settings)
    dataset = kb.create_dataset(ADMIN, "d").id
    ingest(kb, dataset, {**FILES, "0.txt": "What stood here before."})
    kb.close()
    folder = folder_of(settings, dataset, kind)
    shutil.copytree(folder, settings.data_dir / "early")
    kb = open_kb(settings)
    ingest(kb, dataset, {"0.txt": LINES[0]})
    kb.close()

    shutil.rmtree(folder)
    (settings.data_dir / "early").rename(folder)
    kb = open_kb(settings)
    assert_all_found(kb, dataset)
    kb.repairing.settle()
    assert kb.fsck.run().is_clean
    kb.close()


@pytest.mark.parametrize("kind", HERE)
def test_a_search_right_after_an_unclean_stop_misses_nothing(settings: Settings, kind):
    kb = open_kb(settings)
    dataset = kb.create_dataset(ADMIN, "d").id
    ingest(kb, dataset, FILES)
    leave_uncleanly(kb)
    shutil.rmtree(folder_of(settings, dataset, kind))
    kb = open_kb(settings)
    try:
        assert_all_found(kb, dataset)
        kb.repairing.settle()
        assert kb.fsck.run().is_clean
        assert_all_found(kb, dataset)
    finally:
        kb.close()


@pytest.mark.one_folder
def test_an_index_that_would_kill_is_rebuilt_and_searched_meanwhile(settings: Settings):
    kb = open_kb(settings)
    dataset = kb.create_dataset(ADMIN, "d").id
    ingest(kb, dataset, FILES)
    leave_uncleanly(kb)
    make_deadly(kb.folder.index, IndexKey(dataset, 1), kb.embedder.dimensions)
    kb = open_kb(settings)
    try:
        assert names(kb, dataset, LINES[7], "vector") == ["7.txt"]
        kb.repairing.settle()
        assert kb.fsck.run().is_clean
        assert names(kb, dataset, LINES[7], "vector") == ["7.txt"]
    finally:
        kb.close()


@pytest.mark.one_folder
def test_a_child_finds_the_index_that_would_kill_and_only_that(kb: KnowledgeBase):
    ids = [kb.create_dataset(ADMIN, name).id for name in ("first", "second", "third")]
    for dataset in ids:
        ingest(kb, dataset, {"a.txt": LINES[0]})
    kb.applier.stop()
    kb.vectors.close()
    make_deadly(kb.folder.index, IndexKey(ids[1], 1), kb.embedder.dimensions)
    asked = [IndexName("vector", IndexKey(dataset, 1)) for dataset in ids]
    found = list(checked(kb.folder, asked, never))
    assert found == list(zip(asked, (True, False, True), strict=True))


@pytest.mark.parametrize("kind", HERE)
def test_an_index_found_damaged_in_use_is_mended_and_the_search_answered(
    kb: KnowledgeBase, kind: str
):
    dataset = kb.create_dataset(ADMIN, "d").id
    ingest(kb, dataset, FILES)
    folder = kb.folder.index / dataset / "g1" / f"{kind}s"
    (kb.vectors if kind == "vector" else keyword_files(kb)).close()
    for file in folder.iterdir():
        if file.suffix in (".sqlite3", ".pos"):
            file.unlink()
    assert_all_found(kb, dataset)
    kb.repairing.settle()
    assert kb.fsck.run().is_clean
    assert_all_found(kb, dataset)


@pytest.mark.one_folder  # a Chroma server is asked itself how it is
def test_damage_that_comes_again_at_once_waits_and_the_search_does_not(kb: KnowledgeBase):
    kb.repairing.stop()
    dataset = kb.create_dataset(ADMIN, "d").id
    ingest(kb, dataset, FILES)
    name = IndexName("keyword", IndexKey(dataset, 1))
    repairing = Repairing(kb.database, kb.applier, kb.index_health, kb.fsck.strays)
    for _ in range(2):
        kb.index_health.report_damage(name)
        assert names(kb, dataset, "word3b", "keyword") == ["3.txt"]
        repairing._round()
    assert kb.index_health.damaged() == [name]
    assert kb.fsck.run(repair=True).is_clean
    assert kb.index_health.damaged() == []


def test_operations_wait_for_an_unchecked_index_and_hold_no_other_up(kb: KnowledgeBase):
    kb.applier.stop()
    dataset, other = (kb.create_dataset(ADMIN, name).id for name in ("d", "other"))
    readers = ReaderPool(timeout_s=30, memory_bytes=2**30, max_characters=10**6)
    for each in (dataset, other):
        upload(kb, each, {"a.txt": LINES[0]})
        prepared = [pipeline.prepare(kb, readers, job) for job in begin_all(kb)]
        embed_and_store(kb, prepared, never)
    readers.close()
    name = IndexName("vector", IndexKey(dataset, 1))
    kb.index_health.leave_unchecked([name])
    kb.applier.drain()
    assert kb.database.reading(index_ops.waiting_for, dataset) == 1
    assert kb.database.reading(index_ops.waiting_for, other) == 0

    kb.index_health.trust(name, None)
    kb.applier.drain()
    assert kb.database.reading(index_ops.waiting) == 0


def test_the_exact_answer_is_that_of_the_index(kb: KnowledgeBase):
    dataset = kb.create_dataset(ADMIN, "d").id
    ingest(kb, dataset, FILES)
    search = kb.searcher._finder._vectors
    key = IndexKey(dataset, 1)
    for line in LINES[:10]:
        vector = kb.embedder.embed_query(line)
        near = search.query(key, vector, 5)
        kb.index_health.leave_unchecked([IndexName("vector", key)])
        exact = search.query(key, vector, 5)
        kb.index_health.trust(IndexName("vector", key), None)
        assert [round(hit.score, 4) for hit in near] == [round(hit.score, 4) for hit in exact]
        assert search.query(IndexKey(dataset, 2), vector, 5) == []


@pytest.mark.parametrize(
    "question",
    [
        "Which policies run?",
        "uberweisungen",
        "What does Section 3.2 say?",
        "作者是谁",
        "公園",
        "서울",
        "getUser",
        "shared words",
        "nothing of that kind",
        "?!",
    ],
)
def test_words_are_found_without_the_index_as_with_it(kb: KnowledgeBase, question: str):
    dataset = kb.create_dataset(ADMIN, "d").id
    texts = (
        "The policy was running late.",
        "Überweisungen brauchen zwei Tage.",
        "Section 3.2 forbids it, Section 3.1 allows it.",
        "三国演义的作者是罗贯中。",
        "東京都の公園は静かです。",
        "서울은 대한민국의 수도이다.",
        "Call get_user() or getUser twice.",
        "Words are shared. Shared words are few.",
    )
    ingest(kb, dataset, {f"{n}.txt": text for n, text in enumerate(texts)})
    search, key = kb.searcher._finder._keywords, IndexKey(dataset, 1)
    with_index = search.query(key, question, 5), search.frequencies(key, question)
    kb.index_health.leave_unchecked([IndexName("keyword", key)])
    without = search.query(key, question, 5), search.frequencies(key, question)
    assert [hit.chunk_id for hit in with_index[0]] == [hit.chunk_id for hit in without[0]]
    assert with_index[1].chunks == without[1].chunks
