"""The applier: indexes follow SQL, repeat what a crash cut off, and never hold each other up."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import text

from ingest.sandbox.reader_process import ReaderPool
from ingest.work import pipeline
from kb.errors import StorageFull
from kb.index.health import NotHeld
from kb.knowledge_base import KnowledgeBase
from kb.protocols import IndexKey
from kb.store.content import chunks, index_ops, texts
from kb.store.work import deletion, jobs
from kb.types import Retrieval
from tests.parts import (
    ADMIN,
    begin,
    document,
    embed_and_store,
    finish,
    ingest,
    kept_hashes,
    keyword_files,
    keyword_ids,
    upload,
)
from tests.webhook_receiver import wait_until


@pytest.fixture
def kb(kb: KnowledgeBase) -> KnowledgeBase:
    kb.applier.stop()  # the tests apply by hand
    return kb


@pytest.fixture
def readers():
    pool = ReaderPool(timeout_s=30, memory_bytes=2**30, max_characters=10**6)
    yield pool
    pool.close()


def store(
    kb: KnowledgeBase, readers: ReaderPool, dataset_id: str, files: dict[str, str]
) -> list[str]:
    """Everything up to the indexes; returns the documents' ids."""
    accepted = upload(kb, dataset_id, files).accepted
    while claimed := kb.database.writing(jobs.claim, kb.owner.id, "index", 100):
        assert all(begin(kb, job) for job in claimed)
        prepared = [pipeline.prepare(kb, readers, job) for job in claimed]
        embed_and_store(kb, prepared, lambda: False)
    return [item.id for item in accepted]


def held(kb: KnowledgeBase, dataset_id: str) -> set[str]:
    """The chunks in the keyword index; the vector index must have exactly their texts."""
    key = IndexKey(dataset_id, 1)
    named = kb.vectors.ids(key)

    def found() -> tuple[set[str]] | None:
        with suppress(NotHeld):  # on the second kit it follows by itself
            chunk_ids = kb.keywords.ids(key)
            if named == set(kb.database.reading(texts.of_chunks, chunk_ids).values()):
                return (chunk_ids,)
        return None

    return wait_until(found)[0]


def live(kb: KnowledgeBase, dataset_id: str) -> set[str]:
    return kb.database.reading(chunks.live_ids, dataset_id)


def files_of(kb: KnowledgeBase, dataset_id: str) -> list[Path]:
    return [path for path in (kb.folder.index / dataset_id).rglob("*") if path.is_file()]


def tear(kb: KnowledgeBase, dataset_id: str) -> None:
    keyword_ids(kb, IndexKey(dataset_id, 1))
    keyword_files(kb).close()
    (kb.folder.index / dataset_id / "g1" / "keywords" / "meta.json").unlink()


def test_a_document_is_live_only_once_both_indexes_have_it(kb, readers):
    dataset_id = kb.create_dataset(ADMIN, "d").id
    (doc,) = store(kb, readers, dataset_id, {"a.md": "One text."})
    assert (document(kb, doc).status, live(kb, dataset_id)) == ("indexing", set())

    kb.applier.drain()
    assert document(kb, doc).status == "ready"
    assert held(kb, dataset_id) == live(kb, dataset_id) == {f"{doc}.1.1.0"}
    assert kb.database.reading(index_ops.waiting) == 0


def test_what_was_applied_before_a_crash_is_applied_again_to_the_same_effect(kb, readers):
    dataset_id = kb.create_dataset(ADMIN, "d").id
    store(kb, readers, dataset_id, {f"{n}.md": f"Text {n}" for n in range(5)})
    ops = kb.database.reading(index_ops.oldest, 100)
    key = IndexKey(dataset_id, 1)
    with kb.applier.paused():
        kb.applier._apply(key, ops)  # and the process dies before it is noted
    assert len(held(kb, dataset_id)) == 5
    assert live(kb, dataset_id) == set()

    kb.applier.drain()
    assert held(kb, dataset_id) == live(kb, dataset_id)
    assert kb.fsck.run().is_clean


def test_a_replaced_version_leaves_the_indexes_after_the_new_one_has_come(kb, readers):
    dataset_id = kb.create_dataset(ADMIN, "d").id
    (doc,) = store(kb, readers, dataset_id, {"a.md": "Old text."})
    kb.applier.drain()
    store(kb, readers, dataset_id, {"a.md": "New text."})
    assert live(kb, dataset_id) == {f"{doc}.1.1.0"}, "the old one answers until then"

    kb.applier.drain()
    assert held(kb, dataset_id) == live(kb, dataset_id) == {f"{doc}.2.1.0"}


def test_two_versions_that_wait_together_end_as_the_newer(kb, readers):
    dataset_id = kb.create_dataset(ADMIN, "d").id
    (doc,) = store(kb, readers, dataset_id, {"a.md": "Old text."})
    store(kb, readers, dataset_id, {"a.md": "New text."})
    kb.applier.drain()
    assert held(kb, dataset_id) == live(kb, dataset_id) == {f"{doc}.2.1.0"}
    assert document(kb, doc).status == "ready"
    assert kb.fsck.run().is_clean


def test_more_than_fits_into_one_turn_is_applied(kb, readers):
    dataset_id = kb.create_dataset(ADMIN, "d").id
    store(kb, readers, dataset_id, {f"{n}.md": f"Text {n}" for n in range(150)})
    kb.applier.drain()
    assert len(held(kb, dataset_id)) == 150
    assert held(kb, dataset_id) == live(kb, dataset_id)


def test_a_deleted_dataset_takes_its_folder_with_it(kb, readers):
    dataset_id = kb.create_dataset(ADMIN, "d").id
    store(kb, readers, dataset_id, {"a.md": "One text."})
    kb.applier.drain()
    wait_until(lambda: files_of(kb, dataset_id) != [])
    kb.delete_dataset(ADMIN, dataset_id)
    kb.applier.drain()
    wait_until(lambda: files_of(kb, dataset_id) == [])


def test_a_damaged_index_is_rebuilt_when_it_is_written_to(kb, readers):
    dataset_id = kb.create_dataset(ADMIN, "d").id
    store(kb, readers, dataset_id, {"a.md": "One text."})
    kb.applier.drain()
    tear(kb, dataset_id)
    store(kb, readers, dataset_id, {"b.md": "Another text."})
    kb.applier.drain()
    kb.repairing.settle()
    kb.applier.drain()
    assert held(kb, dataset_id) == live(kb, dataset_id)
    assert len(held(kb, dataset_id)) == 2
    assert kb.fsck.run().is_clean


def test_the_damaged_index_of_a_deleted_dataset_holds_nobody_up(kb, readers):
    doomed, kept = kb.create_dataset(ADMIN, "doomed").id, kb.create_dataset(ADMIN, "kept").id
    store(kb, readers, doomed, {f"{n}.md": f"Text {n}" for n in range(3)})
    kb.applier.drain()
    tear(kb, doomed)
    kb.delete_dataset(ADMIN, doomed)
    (doc,) = store(kb, readers, kept, {"a.md": "One text."})
    kb.applier.drain()

    assert document(kb, doc).status == "ready"
    wait_until(lambda: files_of(kb, doomed) == [])
    assert kb.database.reading(index_ops.waiting) == 0


def test_a_dataset_whose_index_cannot_be_written_holds_no_other_up(kb, readers, monkeypatch):
    stuck, free = kb.create_dataset(ADMIN, "stuck").id, kb.create_dataset(ADMIN, "free").id
    (first,) = store(kb, readers, stuck, {"a.md": "One text."})
    store(kb, readers, stuck, {f"{n}.md": f"Text {n}" for n in range(100)})
    (second,) = store(kb, readers, free, {"a.md": "One text."})
    add = kb.vectors.add

    def full_for_one(key, ids, vectors):
        if key.dataset_id == stuck:
            raise StorageFull("full")
        add(key, ids, vectors)

    with monkeypatch.context() as patch:
        patch.setattr(kb.vectors, "add", full_for_one)
        kb.applier.drain()
    assert document(kb, first).status == "indexing"
    assert document(kb, second).status == "ready"
    kb.applier.drain()
    assert document(kb, first).status == "ready"


def test_a_rebuild_needs_no_file_and_no_model(kb, readers, monkeypatch):
    dataset_id = kb.create_dataset(ADMIN, "d").id
    store(kb, readers, dataset_id, {f"{n}.md": f"Text number{n}" for n in range(20)})
    kb.applier.drain()
    before = held(kb, dataset_id)
    hashes = kept_hashes(kb)
    with kb.database.write() as tx:
        for name in hashes:
            kb.originals.remove(tx, name)
    key = IndexKey(dataset_id, 1)
    kb.vectors.drop(key)
    keyword_files(kb).drop(key)
    with monkeypatch.context() as patch:
        patch.delattr(type(kb.embedder), "embed_documents")
        assert kb.applier.rebuild(key) == 20
    assert held(kb, dataset_id) == before
    hits = kb.searcher.search(ADMIN, [dataset_id], "number7", Retrieval()).hits
    assert hits[0].document_name == "7.md"


def test_a_removal_that_waits_does_not_show_in_a_search(kb, readers):
    dataset_id = kb.create_dataset(ADMIN, "d").id
    doc, _ = store(kb, readers, dataset_id, {"a.md": "Red apples.", "b.md": "Green pears."})
    kb.applier.drain()
    kb.database.writing(deletion.delete_document, ADMIN, doc)
    assert len(kb.vectors.ids(IndexKey(dataset_id, 1))) == 2
    hits = kb.searcher.search(ADMIN, [dataset_id], "apples pears", Retrieval()).hits
    assert [hit.document_name for hit in hits] == ["b.md"]
    kb.applier.drain()
    assert held(kb, dataset_id) == live(kb, dataset_id)


def test_a_stopped_applier_leaves_the_rest_for_the_next_start(kb, readers):
    dataset_id = kb.create_dataset(ADMIN, "d").id
    store(kb, readers, dataset_id, {f"{n}.md": f"Text {n}" for n in range(30)})
    kb.applier.start()
    kb.applier.stop()
    kb.applier.drain()
    assert held(kb, dataset_id) == live(kb, dataset_id)
    with kb.database.read() as tx:
        assert tx.execute(text("SELECT DISTINCT status FROM documents")).scalars().all() == [
            "ready"
        ]


def test_ingest_goes_on_after_an_index_folder_was_removed_by_hand(kb):
    dataset_id = kb.create_dataset(ADMIN, "d").id
    kb.applier._stopping.clear()
    kb.applier.start()
    ingest(kb, dataset_id, {"a.md": "One text."})
    upload(kb, dataset_id, {"b.md": "Another text."})
    finish(kb)
    assert kb.fsck.run().is_clean
