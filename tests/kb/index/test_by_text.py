"""One vector per text: however often it stands in the documents, each of its chunks is found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kb.knowledge_base import KnowledgeBase
from kb.protocols import IndexKey, IndexName, Scored
from kb.search.candidates import CandidateFinder, Query
from kb.search.fallback import NearestTexts
from kb.store.content import chunks, datasets, texts
from kb.store.work import deletion
from kb.types import Retrieval
from tests.parts import ADMIN, ingest, opened

SAME = 500
OTHERS = 60


def key_of(dataset_id: str) -> IndexKey:
    return IndexKey(dataset_id, 1)


def found(kb: KnowledgeBase, dataset_id: str, query: str, limit: int) -> list[Scored]:
    vectors = NearestTexts(kb.vectors, kb.database)
    finder = CandidateFinder(kb.database, vectors, kb.keywords, depth=limit, threads=1)
    wanted = [kb.database.reading(datasets.get, ADMIN, dataset_id)]
    vector, retrieval = kb.embedder.embed_query(query), Retrieval(top_k=1, mode="vector")
    return finder.find(Query(ADMIN, wanted, query, kb.embedder, vector, retrieval, None)).vector


def nearest(kb: KnowledgeBase, dataset_id: str, query: str, limit: int) -> list[str]:
    return [hit.chunk_id for hit in found(kb, dataset_id, query, limit)]


def rows(kb: KnowledgeBase, dataset_id: str) -> set[str]:
    return kb.vectors.ids(key_of(dataset_id))


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory):
    """A library in which most documents are one text, like an empty form."""
    data_dir: Path = tmp_path_factory.mktemp("crowded") / "data"
    with opened(data_dir) as kb:
        dataset_id = kb.create_dataset(ADMIN, "d").id
        others = {f"o{n}.txt": f"Other number{n} about thing{n * 7}." for n in range(OTHERS)}
        same = {f"s{n}.txt": "This page is left blank on purpose." for n in range(SAME)}
        ingest(kb, dataset_id, {**others, **same})
        yield kb, dataset_id


def test_thousands_of_equal_chunks_are_one_row_and_all_are_found(crowded):
    kb, dataset_id = crowded
    assert len(rows(kb, dataset_id)) == OTHERS + 1
    same = nearest(kb, dataset_id, "This page is left blank on purpose.", SAME)
    assert len(set(same)) == SAME
    live = kb.database.reading(chunks.live, ADMIN, same)
    assert {item.document_name for item in live.values()} == {f"s{n}.txt" for n in range(SAME)}


def test_equal_chunks_hide_no_other(crowded):
    kb, dataset_id = crowded
    for number in range(OTHERS):
        (first,) = nearest(kb, dataset_id, f"Other number{number} about thing{number * 7}.", 1)
        live = kb.database.reading(chunks.live, ADMIN, [first])
        assert live[first].document_name == f"o{number}.txt"
    assert kb.fsck.run().is_clean


def test_the_answer_is_that_of_comparing_all_vectors(crowded):
    kb, dataset_id = crowded
    name = IndexName("vector", key_of(dataset_id))
    for query in ("left blank", "number7 about thing49", "something else"):
        scores = [hit.score for hit in found(kb, dataset_id, query, 40)]
        kb.index_health.leave_unchecked([name])
        compared = [hit.score for hit in found(kb, dataset_id, query, 40)]
        kb.index_health.trust(name, None)
        assert scores == pytest.approx(compared, abs=1e-4)


def test_a_text_stays_until_its_last_chunk_goes(kb):
    dataset_id = kb.create_dataset(ADMIN, "d").id
    ids = ingest(kb, dataset_id, {f"{n}.md": "The same words." for n in range(3)})
    for name in ("0.md", "1.md"):
        kb.delete_document(ADMIN, ids[name])
        kb.applier.drain()
        assert len(rows(kb, dataset_id)) == 1
    assert nearest(kb, dataset_id, "same words", 5) == [f"{ids['2.md']}.1.1.0"]
    assert kb.fsck.run().is_clean
    kb.delete_document(ADMIN, ids["2.md"])
    kb.applier.drain()
    assert rows(kb, dataset_id) == set()
    assert kb.fsck.run().is_clean


def test_a_text_that_one_version_loses_and_another_document_gains_at_once_stays(kb):
    dataset_id = kb.create_dataset(ADMIN, "d").id
    ids = ingest(kb, dataset_id, {"a.md": "Wandering words."})
    kb.applier.stop()
    kb.database.writing(deletion.delete_document, ADMIN, ids["a.md"])
    kb.applier._stopping.clear()
    kb.applier.start()
    (other,) = ingest(kb, dataset_id, {"b.md": "Wandering words."}).values()
    assert nearest(kb, dataset_id, "wandering", 1) == [f"{other}.1.1.0"]
    assert kb.fsck.run().is_clean


def test_another_dataset_keeps_its_own_row(kb):
    one, other = kb.create_dataset(ADMIN, "one").id, kb.create_dataset(ADMIN, "other").id
    ids = ingest(kb, one, {"a.md": "Shared words."})
    ingest(kb, other, {"b.md": "Shared words."})
    kb.delete_document(ADMIN, ids["a.md"])
    kb.applier.drain()
    assert rows(kb, one) == set()
    assert len(rows(kb, other)) == 1


def test_rows_that_lost_their_chunks_take_no_places(kb):
    dataset_id = kb.create_dataset(ADMIN, "d").id
    files = {f"{n}.md": f"Red apples number{n}." for n in range(60)}
    ids = ingest(kb, dataset_id, {**files, "last.md": "Green pears."})
    kb.applier.stop()
    for name in files:
        kb.database.writing(deletion.delete_document, ADMIN, ids[name])
    assert len(rows(kb, dataset_id)) == 61
    assert nearest(kb, dataset_id, "Red apples", 5) == [f"{ids['last.md']}.1.1.0"]


def test_rows_that_are_no_texts_are_passed_over(kb):
    dataset_id = kb.create_dataset(ADMIN, "d").id
    ids = ingest(kb, dataset_id, {"a.md": "Red apples."})
    vector = kb.embedder.embed_query("Red apples.")
    ghosts = ["doc_ghost.1.1.0", "zz" * 16]
    kb.vectors.add(key_of(dataset_id), ghosts, np.repeat(vector, 2, axis=0))
    assert nearest(kb, dataset_id, "Red apples", 1) == [f"{ids['a.md']}.1.1.0"]


def test_fsck_misses_a_text_and_its_repair_brings_all_chunks_back(kb):
    dataset_id = kb.create_dataset(ADMIN, "d").id
    ids = ingest(kb, dataset_id, {f"{n}.md": "The same words." for n in range(3)})
    kb.vectors.remove(key_of(dataset_id), list(rows(kb, dataset_id)))
    codes = {item.code for item in kb.fsck.run().violations}
    assert "vector_index" in codes
    assert kb.fsck.run(repair=True).is_clean
    hits = kb.searcher.search(
        ADMIN, [dataset_id], "same words", Retrieval(mode="vector", deduplicate=False)
    ).hits
    assert {hit.document_name for hit in hits} == set(ids)


def test_names_of_texts_are_split_as_they_were_joined():
    assert texts.split_names(bytes(range(32))) == [
        bytes(range(16)).hex(),
        bytes(range(16, 32)).hex(),
    ]
