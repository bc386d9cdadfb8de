"""Nobody takes away what another one does: not a start, not a successor, not a sweep."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from ingest.sandbox.reader_process import ReaderPool
from ingest.work import pipeline
from kb.files.folder_originals import FolderOriginals
from kb.files.owners import LockedOwner
from kb.knowledge_base import KnowledgeBase
from kb.store.content import embeddings
from kb.store.work import jobs
from tests.parts import claim, document, embed_and_store, finish, upload, working


@pytest.fixture
def readers():
    pool = ReaderPool(timeout_s=30, memory_bytes=2**30, max_characters=10**6)
    yield pool
    pool.close()


@pytest.fixture
def another(kb: KnowledgeBase):
    """A process that starts beside the one that `kb` belongs to."""
    owner = LockedOwner(kb.folder.owners)
    yield owner
    owner.close()


def lease(kb: KnowledgeBase) -> float:
    with kb.database.read() as tx:
        return tx.execute(text("SELECT lease_until FROM queue")).scalar_one() or 0.0


def vectors(kb: KnowledgeBase, owner: str) -> None:
    with kb.database.write() as tx:
        embeddings.put(tx, "e", [owner.encode()[-16:]], np.ones((1, 2), np.float32), owner=owner)


@pytest.mark.one_folder
def test_a_start_takes_no_job_from_a_worker_that_is_alive(kb, dataset_id, another):
    upload(kb, dataset_id, {"a.md": "Text"})
    (job,) = claim(kb)
    assert kb.database.writing(jobs.requeue_left, another.living()) == 0
    assert kb.database.reading(jobs.is_held, job)

    kb.owner.close()
    assert kb.database.writing(jobs.requeue_left, another.living()) == 1


def test_a_start_sweeps_no_upload_that_is_on_its_way_in_another_process(kb, another):
    staged = kb.originals.stage([b"half a file"], max_bytes=100)
    beside = FolderOriginals(kb.folder.originals, another.id)
    beside.sweep_staging(another.living())
    assert staged.path.read_bytes() == b"half a file"

    kb.owner.close()
    beside.sweep_staging(another.living())
    assert not staged.path.exists()


def test_vectors_that_another_process_is_making_are_not_collected(kb, another):
    for owner in (kb.owner.id, "owner_who_died"):
        vectors(kb, owner)
    assert embeddings.collect_left(kb.database, another.living()) == 1
    assert kb.database.reading(embeddings.count) == 1

    kb.owner.close()
    assert embeddings.collect_left(kb.database, another.living()) == 1


def test_what_a_dead_process_left_is_taken_up_and_its_vectors_are_collected(kb, dataset_id):
    result = upload(kb, dataset_id, {"a.md": "Text"})
    kb.database.writing(jobs.claim, "owner_who_died", "index")
    vectors(kb, "owner_who_died")
    kb.database.writing(jobs.requeue_left, kb.owner.living())
    finish(kb)
    assert document(kb, result.accepted[0].id).status == "ready"
    assert kb.fsck.run().is_clean


def test_a_worker_keeps_the_leases_of_what_it_has_in_hand(
    kb, dataset_id, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("ingest.work.claims.HEARTBEAT_S", 0.02)
    reading, may_go_on = threading.Event(), threading.Event()
    read = ReaderPool.process

    def slow(self: ReaderPool, *args: Any) -> Any:
        reading.set()
        may_go_on.wait(timeout=30)
        return read(self, *args)

    monkeypatch.setattr(ReaderPool, "process", slow)
    upload(kb, dataset_id, {"a.md": "Text"})
    with working(kb) as worker:
        assert reading.wait(timeout=30)
        with kb.database.write() as tx:
            tx.execute(text("UPDATE queue SET lease_until = 0"))
        deadline = time.monotonic() + 30
        while lease(kb) < time.time():
            assert time.monotonic() < deadline, "the lease was not extended"
            time.sleep(0.01)
        may_go_on.set()
        assert worker.wait_idle(60)


def test_a_document_is_not_stored_by_a_worker_whose_claim_another_one_has_taken_over(
    kb, dataset_id, readers
):
    result = upload(kb, dataset_id, {"a.md": "Text"})
    (slow,) = claim(kb)
    prepared = pipeline.prepare(kb, readers, slow)
    with kb.database.write() as tx:
        tx.execute(text("UPDATE queue SET lease_until = 0"))
    (successor,) = claim(kb)
    assert successor.id == slow.id

    assert embed_and_store(kb, [prepared], lambda: False) == []
    assert kb.database.reading(jobs.is_held, successor)
    assert document(kb, result.accepted[0].id).chunk_count == 0
    again = pipeline.prepare(kb, readers, successor)
    assert embed_and_store(kb, [again], lambda: False) == [again]
