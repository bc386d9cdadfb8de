"""The worker after a crash, a stop and on a full disk: nothing is lost, blamed or stuck."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy import text

from ingest.sandbox.reader_process import ReaderPool
from ingest.work import pipeline
from kb.knowledge_base import KnowledgeBase
from kb.store.work import jobs
from tests.parts import (
    begin,
    begin_all,
    claim,
    crash,
    document,
    embed_and_store,
    finish,
    upload,
    working,
)


@pytest.fixture
def readers():
    pool = ReaderPool(timeout_s=30, memory_bytes=2**30, max_characters=10**6)
    yield pool
    pool.close()


def index_until(kb: KnowledgeBase, readers: ReaderPool, poison: str) -> None:
    """Work as the worker does, up to the document that takes the process down; then restart."""
    in_hand: list[jobs.Job] = []
    while claimed := claim(kb):
        for job in claimed:
            assert begin(kb, job)
            in_hand.append(job)
            if job.subject == poison:
                crash(kb)
                return
        for job in in_hand:  # fresh ones are stored together, a suspect is stored alone
            embed_and_store(kb, [pipeline.prepare(kb, readers, job)], lambda: False)
        in_hand.clear()


def test_a_document_that_crashes_the_process_is_given_up_and_its_neighbours_are_not(
    kb, dataset_id, readers
):
    names = [f"{n}.md" for n in range(10)]
    result = upload(kb, dataset_id, {name: f"Text of {name}" for name in names})
    for _ in range(kb.settings.ingest.max_attempts):
        index_until(kb, readers, poison=result.accepted[3].id)
    finish(kb)

    states = {item.name: document(kb, item.id) for item in result.accepted}
    error = states.pop("3.md").error
    assert error is not None
    assert error.code == "crashed_repeatedly"
    assert "3 times" in error.detail
    assert {state.status for state in states.values()} == {"ready"}


def test_what_was_in_hand_at_a_crash_is_tried_alone_and_after_the_rest(kb, dataset_id):
    upload(kb, dataset_id, {f"{n}.md": f"Text {n}" for n in range(3)})
    suspects = begin_all(kb)
    crash(kb)
    upload(kb, dataset_id, {"new.md": "Text of the new one"})

    (new,) = claim(kb)
    assert new.subject not in {job.subject for job in suspects}
    assert [job.subject for job in claim(kb)] == [suspects[0].subject]


def test_an_orderly_stop_gives_the_jobs_back_without_counting_an_attempt(kb, dataset_id):
    result = upload(kb, dataset_id, {f"{n}.md": f"Text {n}. " * 50 for n in range(60)})
    for _ in range(6):
        with working(kb):
            time.sleep(0.05)
        with kb.database.read() as tx:
            states = tx.execute(text("SELECT DISTINCT owner, attempts FROM queue")).all()
            assert {tuple(row) for row in states} <= {(None, 0)}
    finish(kb)
    assert {document(kb, item.id).status for item in result.accepted} == {"ready"}
    assert kb.fsck.run().is_clean


def limit_pages(kb: KnowledgeBase, more: int | None) -> None:
    """Let the database grow by so many pages and no more, as a full disk does; None lifts it."""
    with kb.database.write() as tx:
        pages = tx.execute(text("PRAGMA page_count")).scalar_one()
        tx.execute(text(f"PRAGMA max_page_count = {2**31 if more is None else pages + more}"))


@pytest.mark.one_folder
def test_a_full_disk_pauses_indexing_and_space_resumes_it(
    kb, dataset_id, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("ingest.work.claims.FULL_DISK_PAUSE_S", 0.05)
    monkeypatch.setattr("kb.background.RETRY_S", 0.05)
    monkeypatch.setattr("ingest.work.worker.IDLE_S", 0.05)
    words = " ".join(f"word{n}" for n in range(3000))
    result = upload(kb, dataset_id, {f"{n}.md": f"Text {n} {words} {n}" for n in range(8)})
    limit_pages(kb, 3)
    with working(kb) as worker:
        time.sleep(1.5)
        names = {thread.name for thread in threading.enumerate()}
        assert names >= {"index", "embed", "heartbeat"}
        assert not any(document(kb, item.id).status == "failed" for item in result.accepted)
        limit_pages(kb, None)
        assert worker.wait_idle(60)
    assert {document(kb, item.id).status for item in result.accepted} == {"ready"}
    assert kb.fsck.run().is_clean
