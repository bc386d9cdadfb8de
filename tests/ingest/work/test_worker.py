"""The worker: every acknowledged document becomes ready once, whatever happens meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from ingest.sandbox.reader_process import ReaderPool
from ingest.work import pipeline
from ingest.work.worker import Worker
from kb.knowledge_base import KnowledgeBase
from kb.store.content import chunks, documents, embeddings
from kb.store.engine.paging import PageRequest
from kb.store.work import batch_control, batches, deletion, jobs
from kb.types import Failure, Retrieval
from tests.parts import ADMIN, begin_all, document, embed_and_store, finish, ingest, upload, working


@pytest.fixture
def readers(kb: KnowledgeBase):
    pool = ReaderPool(timeout_s=30, memory_bytes=2**30, max_characters=10**6)
    yield pool
    pool.close()


def until(done: Callable[[], bool], timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.01)


def found(kb: KnowledgeBase, dataset_id: str, query: str) -> list[str]:
    hits = kb.searcher.search(ADMIN, [dataset_id], query, Retrieval(mode="keyword")).hits
    return [hit.document_name for hit in hits]


def test_an_uploaded_document_becomes_ready_once_and_is_found(kb, dataset_id):
    result = upload(kb, dataset_id, {"a.md": "# Moon\n\nThe moon rises over Ostrava."})
    assert result.accepted[0].status == "pending"
    finish(kb)

    assert document(kb, result.accepted[0].id).status == "ready"
    assert found(kb, dataset_id, "Ostrava") == ["a.md"]
    assert kb.database.reading(jobs.waiting) == 0
    assert kb.fsck.run().is_clean


def test_a_document_replaced_while_its_old_bytes_wait_to_be_stored_ends_with_the_new(
    kb, dataset_id, readers
):
    old = upload(kb, dataset_id, {"a.md": "Old words about copper."}).accepted[0]
    (stale,) = begin_all(kb)
    prepared = pipeline.prepare(kb, readers, stale)
    upload(kb, dataset_id, {"a.md": "New words about silver."})
    (fresh,) = begin_all(kb)

    assert embed_and_store(kb, [prepared], lambda: False) == []
    assert kb.database.reading(jobs.waiting) == 1
    new = pipeline.prepare(kb, readers, fresh)
    assert embed_and_store(kb, [new], lambda: False) == [new]
    kb.applier.drain()

    assert (document(kb, old.id).version, document(kb, old.id).live_version) == (2, 2)
    assert document(kb, old.id).status == "ready"
    assert found(kb, dataset_id, "silver") == ["a.md"]
    assert found(kb, dataset_id, "copper") == []


def test_a_document_that_is_replaced_again_and_again_while_indexing_ends_with_the_last(
    kb, dataset_id
):
    with working(kb) as worker:
        for number in range(20):
            upload(kb, dataset_id, {"a.md": f"Version number{number} of the text."})
            time.sleep(0.02 * (number % 3))
        assert worker.wait_idle(60)
    (only,) = kb.database.reading(documents.page, ADMIN, dataset_id, PageRequest()).data
    assert (only.version, only.live_version, only.status) == (20, 20, "ready")
    assert found(kb, dataset_id, "number19") == ["a.md"]
    assert found(kb, dataset_id, "number18") == []
    assert kb.fsck.run().is_clean


def test_a_retried_document_is_not_touched_by_the_claim_it_had_before(kb, dataset_id):
    doc = upload(kb, dataset_id, {"a.md": "Some text."}).accepted[0]
    (stale,) = begin_all(kb)
    pipeline.fail(kb, stale, Failure("x", "y"))
    kb.database.writing(batch_control.retry_document, ADMIN, doc.id)
    (fresh,) = begin_all(kb)

    assert not kb.database.reading(jobs.is_held, stale)
    assert kb.database.reading(jobs.is_held, fresh)


def test_a_document_deleted_while_indexing_leaves_nothing(kb, dataset_id, readers):
    doc = upload(kb, dataset_id, {"a.md": "Words that nobody may see again."}).accepted[0]
    (job,) = begin_all(kb)
    prepared = pipeline.prepare(kb, readers, job)
    kb.delete_document(ADMIN, doc.id)

    assert embed_and_store(kb, [prepared], lambda: False) == []
    finish(kb)
    assert kb.database.reading(chunks.count) == 0
    assert kb.database.reading(embeddings.count) == 0
    assert list(kb.originals.hashes()) == []
    assert kb.fsck.run().is_clean


def test_a_document_deleted_between_storing_and_indexing_is_never_found(kb, dataset_id, readers):
    kb.applier.stop()
    doc = upload(kb, dataset_id, {"a.md": "Words about zinc."}).accepted[0]
    (job,) = begin_all(kb)
    embed_and_store(kb, [pipeline.prepare(kb, readers, job)], lambda: False)
    kb.database.writing(deletion.delete_document, ADMIN, doc.id)
    kb.applier.drain()

    assert found(kb, dataset_id, "zinc") == []


def test_documents_deleted_at_random_while_many_are_indexed_leave_no_trace(kb, dataset_id):
    with working(kb) as worker:
        files = {f"{n}.md": f"Text number{n} in the heap. Shared words." for n in range(60)}
        ids = [item.id for item in upload(kb, dataset_id, files).accepted]
        for document_id in ids[::2]:
            kb.delete_document(ADMIN, document_id)
        assert worker.wait_idle(60)
    kept = kb.database.reading(documents.page, ADMIN, dataset_id, PageRequest(100)).data
    assert {item.id for item in kept} == set(ids[1::2])
    assert {item.status for item in kept} == {"ready"}
    assert kb.fsck.run().violations == ()


def test_a_dataset_deleted_while_indexing_leaves_no_trace(kb, dataset_id):
    with working(kb) as worker:
        upload(kb, dataset_id, {f"{n}.md": f"Text {n}" for n in range(40)})
        kb.delete_dataset(ADMIN, dataset_id)
        assert worker.wait_idle(60)
    assert kb.database.reading(chunks.count) == 0
    assert kb.database.reading(embeddings.count) == 0
    assert not any(path.is_file() for path in (kb.folder.index / dataset_id).rglob("*"))
    assert kb.fsck.run().is_clean


def test_a_file_without_text_fails_and_says_why_while_the_others_become_ready(kb, dataset_id):
    files: dict[str, bytes | str] = {"a.md": "Good text.", "b.pdf": b"%PDF-1.4 broken", "c.md": "x"}
    result = upload(kb, dataset_id, {**files, "blank.txt": "   \n \n"})
    finish(kb)

    states = {item.name: document(kb, item.id) for item in result.accepted}
    assert states["a.md"].status == states["c.md"].status == "ready"
    assert states["b.pdf"].status == states["blank.txt"].status == "failed"
    assert all(states[name].error and states[name].error.detail for name in ("b.pdf", "blank.txt"))
    batch = kb.database.reading(batches.get, ADMIN, result.batch_id)
    assert batch.is_completed
    assert (batch.count("ready"), batch.count("failed")) == (2, 2)


def test_a_document_for_another_embedder_fails_instead_of_being_ready_and_unfindable(
    kb, dataset_id
):
    doc = upload(kb, dataset_id, {"a.md": "Some text."}).accepted[0]
    with kb.database.write() as tx:
        tx.execute(text("UPDATE datasets SET embedder = 'other@1'"))
    finish(kb)
    failed = document(kb, doc.id)
    assert failed.status == "failed"
    assert failed.error is not None
    assert failed.error.code == "embedder_mismatch"


def test_equal_texts_are_embedded_once_and_outlive_one_of_their_documents(kb, dataset_id):
    ids = ingest(kb, dataset_id, {"a.md": "The same words.", "b.md": "The same words."})
    assert kb.database.reading(embeddings.count) == 1
    kb.delete_document(ADMIN, ids["a.md"])
    kb.applier.drain()
    assert found(kb, dataset_id, "same words") == ["b.md"]
    assert kb.fsck.run().is_clean


def test_several_readers_work_side_by_side(kb, dataset_id, monkeypatch: pytest.MonkeyPatch):
    at_once, most, turn = 0, 0, threading.Lock()
    read = ReaderPool.process

    def counted(self: ReaderPool, *args: Any) -> Any:
        nonlocal at_once, most
        with turn:
            at_once += 1
            most = max(most, at_once)
        try:
            time.sleep(0.05)
            return read(self, *args)
        finally:
            with turn:
                at_once -= 1

    monkeypatch.setattr(ReaderPool, "process", counted)
    object.__setattr__(
        kb,
        "settings",
        kb.settings.model_copy(
            update={"ingest": kb.settings.ingest.model_copy(update={"readers": 3})}
        ),
    )
    result = upload(kb, dataset_id, {f"{n}.md": f"Text {n}" for n in range(40)})
    finish(kb)
    assert {document(kb, item.id).status for item in result.accepted} == {"ready"}
    assert 1 < most <= 3


def test_a_worker_that_never_started_can_be_stopped_and_takes_nothing_along(kb, dataset_id):
    ids = upload(kb, dataset_id, {"a.md": "Some text."}).accepted
    before = set(threading.enumerate())
    Worker(kb).stop()
    assert set(threading.enumerate()) <= before
    finish(kb)
    assert document(kb, ids[0].id).status == "ready"
