"""`kb fsck` sees every broken promise, mends what is derived, and cries no wolf."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest
from sqlalchemy import text

from kb.knowledge_base import KnowledgeBase
from kb.opening.opening import open_kb
from kb.protocols import IndexKey
from kb.settings import Settings
from kb.store.content import documents, embeddings
from kb.store.engine.paging import PageRequest
from kb.store.work import deletion, jobs
from tests.kits import IS_CLUSTER
from tests.parts import (
    ADMIN,
    add_a_stray,
    change_original,
    document,
    finish,
    ingest,
    kept_hashes,
    keyword_files,
    keyword_ids,
    leave_uncleanly,
    lose_original,
    settle,
    upload,
    working,
)

FILES = {f"{n}.md": f"Text number{n} about things. " * 20 for n in range(5)}


@pytest.fixture
def dataset_id(kb: KnowledgeBase) -> str:
    dataset = kb.create_dataset(ADMIN, "d").id
    ingest(kb, dataset, FILES)
    return dataset


def codes(kb: KnowledgeBase, *, repair: bool = False) -> set[str]:
    return {violation.code for violation in kb.fsck.run(repair=repair).violations}


def sql(kb: KnowledgeBase, statement: str) -> None:
    with kb.database.write() as tx:
        tx.execute(text(statement))


@pytest.fixture
def a_day_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies in the bucket of the second kit has been there for long enough to be a stray."""
    if IS_CLUSTER:
        monkeypatch.setattr("kb.files.s3.originals.SETTLED_S", -60.0)


def lose_a_vector(kb: KnowledgeBase, key: IndexKey) -> None:
    kb.vectors.remove(key, sorted(kb.vectors.ids(key))[:1])


def lose_words(kb: KnowledgeBase, key: IndexKey) -> None:
    keyword_files(kb).remove(key, sorted(keyword_ids(kb, key))[:1])


def add_a_ghost_vector(kb: KnowledgeBase, key: IndexKey) -> None:
    kb.vectors.add(key, ["ghost"], kb.embedder.embed_query("ghost"))


def add_ghost_words(kb: KnowledgeBase, key: IndexKey) -> None:
    keyword_files(kb).upsert(key, [("ghost", "a ghost of a chunk")])


def change_words(kb: KnowledgeBase, key: IndexKey) -> None:
    keyword_files(kb).upsert(key, [(name, "other words") for name in keyword_ids(kb, key)])


def turn_a_vector(kb: KnowledgeBase, key: IndexKey) -> None:
    wrong = np.zeros((1, kb.embedder.dimensions), np.float32)
    wrong[0, 0] = 1
    for name in kb.vectors.ids(key):
        kb.vectors.remove(key, [name])
        kb.vectors.add(key, [name], wrong)


def tear_the_keywords(kb: KnowledgeBase, key: IndexKey) -> None:
    keyword_files(kb).close()
    (kb.folder.index / key.dataset_id / "g1" / "keywords" / "meta.json").unlink()


def tear_the_vectors(kb: KnowledgeBase, key: IndexKey) -> None:
    kb.vectors.close()
    (kb.folder.index / key.dataset_id / "g1" / "vectors" / "chroma.sqlite3").write_bytes(b"")


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lose_a_vector, "vector_index"),
        (lose_words, "keyword_index"),
        (add_a_ghost_vector, "vector_index"),
        (add_ghost_words, "keyword_index"),
        (change_words, "keyword_search"),
        (turn_a_vector, "vector_search"),
        # A process of a cluster mends its own copy, often before `fsck` comes to it.
        pytest.param(tear_the_keywords, "keyword_index", marks=pytest.mark.one_folder),
        pytest.param(tear_the_vectors, "vector_index", marks=pytest.mark.one_folder),
    ],
)
def test_damage_to_an_index_is_seen_and_repaired(
    kb, dataset_id, damage: Callable[[KnowledgeBase, IndexKey], None], code: str
):
    assert codes(kb) == set()
    kb.repairing.stop()
    keyword_ids(kb, IndexKey(dataset_id, 1))
    damage(kb, IndexKey(dataset_id, 1))
    assert code in codes(kb)
    report = kb.fsck.run(repair=True)
    assert report.is_clean
    assert report.repaired == ("Rebuilt the indexes of dataset 'd': 5 chunks.",)


def test_a_lost_index_folder_is_seen_and_rebuilt(kb, dataset_id):
    key = IndexKey(dataset_id, 1)
    keyword_ids(kb, key)
    kb.vectors.drop(key)
    keyword_files(kb).drop(key)
    assert codes(kb) >= {"vector_index", "keyword_index"}
    assert codes(kb, repair=True) == set()


def test_a_lost_original_is_reported_whatever_is_done(kb, dataset_id):
    lost, changed = sorted(kept_hashes(kb))[:2]
    lose_original(kb, lost)
    change_original(kb, changed, b"other bytes")
    assert codes(kb) == codes(kb, repair=True) == {"original_missing", "original_changed"}


@pytest.mark.usefixtures("a_day_later")
def test_an_original_that_no_document_needs_is_kept_in_lost(kb, dataset_id):
    stray = add_a_stray(kb)
    assert codes(kb) == {"original_stray"}
    assert codes(kb, repair=True) == set()
    assert len(kept_hashes(kb)) == len(FILES)
    assert list(kb.originals.lost()) == [stray]
    report = kb.fsck.run()
    assert (report.is_clean, report.lost) == (True, 1)
    assert kb.originals.lost_in in report.advice[-1]


@pytest.mark.usefixtures("a_day_later")
def test_an_original_that_a_deletion_left_behind_is_removed(kb, dataset_id):
    with kb.database.write() as tx:
        deleted = documents.page(tx, ADMIN, dataset_id, PageRequest()).data[0]
        kb.erasing.remember(tx, ADMIN, [deleted.id])
        deletion.delete_document(tx, ADMIN, deleted.id)
    assert kb.originals.has(deleted.sha256)  # as after a crash
    assert codes(kb, repair=True) == set()
    settle(kb)
    assert not kb.originals.path(deleted.sha256).exists()
    assert list(kb.originals.lost()) == []


def test_a_vector_without_a_chunk_is_removed(kb, dataset_id):
    vector = kb.embedder.embed_query("nobody's")
    with kb.database.write() as tx:
        embeddings.put(tx, kb.embedder.fingerprint, [b"0" * 16], vector, owner="who died")
    assert codes(kb) == {"embedding_unused"}
    assert codes(kb, repair=True) == set()


def test_a_document_that_nothing_works_on_is_queued_again(kb, dataset_id):
    doc = upload(kb, dataset_id, {"new.md": "New text."}).accepted[0]
    kb.database.writing(jobs.drop, doc.id)
    assert codes(kb) == {"document_stuck"}
    assert kb.fsck.run(repair=True).repaired == ("Queued document 'new.md' again.",)
    finish(kb)
    assert document(kb, doc.id).status == "ready"
    assert codes(kb) == set()


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("DELETE FROM embeddings WHERE id = 1", "embedding_missing"),
        ("UPDATE embeddings SET embedder = 'other@1' WHERE id = 1", "embedding_missing"),
        ("UPDATE chunks SET text = 'x' || text WHERE position = 0", "quote"),
        ("UPDATE pages SET text = substr(text, 2)", "quote"),
        ("UPDATE documents SET chunk_count = 7", "chunk_count"),
        ("UPDATE chunks SET position = 3", "chunk_count"),
    ],
)
def test_rows_that_contradict_each_other_are_seen(kb, dataset_id, statement: str, code: str):
    sql(kb, statement)
    assert code in codes(kb)


@pytest.mark.one_folder
def test_a_damaged_database_is_seen(kb, dataset_id):
    with kb.database.write() as tx:
        tx.execute(text("PRAGMA writable_schema=ON"))
        wrong = "replace(sql, 'encoding VARCHAR', 'encoding VARCHAR NOT NULL')"
        tx.execute(text(f"UPDATE sqlite_master SET sql = {wrong} WHERE name = 'documents'"))
        version = tx.execute(text("PRAGMA schema_version")).scalar_one()
        tx.execute(text(f"PRAGMA schema_version = {version + 1}"))
    assert codes(kb) == {"database"}


def test_a_check_during_work_finds_nothing_wrong(kb, dataset_id):
    stop = threading.Event()
    wrong: list[object] = []

    def check() -> None:
        while not stop.is_set():
            wrong.extend(kb.fsck.run().violations)

    checking = threading.Thread(target=check, daemon=True)
    with working(kb) as worker:
        checking.start()
        for turn in range(6):
            numbers = range(0, 20, 1 + turn % 2)
            files = {f"{n}.md": f"Turn{turn} of text number{n}." for n in numbers}
            accepted = upload(kb, dataset_id, files).accepted
            for item in accepted[: turn % 3]:
                kb.delete_document(ADMIN, item.id)
        assert worker.wait_idle(60)
        stop.set()
        checking.join()
    assert wrong == []


@pytest.mark.one_folder  # a server of vectors is looked at when it is first asked
def test_after_an_unclean_stop_indexes_are_mended_and_leftovers_removed(settings: Settings):
    first = open_kb(settings)
    dataset = first.create_dataset(ADMIN, "d").id
    ingest(first, dataset, FILES)
    lose_a_vector(first, IndexKey(dataset, 1))
    add_a_stray(first)
    leave_uncleanly(first)

    second = open_kb(settings)
    assert second.fsck.run().is_clean
    second.close()
    third = open_kb(settings)
    assert third.index_health.is_checked()
    third.close()


@pytest.mark.one_folder
def test_a_check_that_was_broken_off_begins_again_at_the_next_start(settings: Settings):
    first = open_kb(settings)
    dataset = first.create_dataset(ADMIN, "d").id
    ingest(first, dataset, FILES)
    lose_a_vector(first, IndexKey(dataset, 1))
    leave_uncleanly(first)

    open_kb(settings).close()
    again = open_kb(settings)
    assert again.fsck.run().is_clean
    again.close()
