"""Batches: counted in SQL, listed in parts, paused, resumed, cancelled and retried as a whole."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from kb.errors import NotFound
from kb.store.content import datasets, documents, indexed
from kb.store.engine.database import Database
from kb.store.engine.paging import PageRequest
from kb.store.work import batch_control, batches, deletion, jobs, placing, throughput
from kb.store.work.placing import Upload, UploadTarget
from kb.types import Failure, Scope

ADMIN = Scope.admin()


@pytest.fixture
def dataset_id(database: Database) -> str:
    return database.writing(datasets.create, ADMIN, name="d", embedder="e").id


def new_batch(database: Database, dataset_id: str, **files: str) -> tuple[str, list[str]]:
    with database.write() as tx:
        batch_id = batches.create(tx, ADMIN, dataset_id)
        uploads = [Upload(f"{name}.md", "text/markdown", sha, 100) for name, sha in files.items()]
        placed = placing.put(tx, UploadTarget(ADMIN, dataset_id, batch_id), uploads)
        batches.add(tx, batch_id, placed)
    return batch_id, [item.document.id for item in placed]


def make_ready(database: Database, document_id: str, version: int = 1) -> None:
    with database.write() as tx:
        jobs.drop(tx, document_id)
        indexed.make_all_live(tx, {document_id: version})


def fail(database: Database, document_id: str) -> None:
    with database.write() as tx:
        jobs.drop(tx, document_id)
        documents.set_status(tx, document_id, "failed", Failure("x", "y"))


def get(database: Database, batch_id: str, **query) -> batches.Batch:
    return database.reading(batches.get, ADMIN, batch_id, **query)


def status(database: Database, document_id: str) -> str:
    return database.reading(documents.get, ADMIN, document_id).status


def test_a_batch_is_counted_and_listed_in_parts(database, dataset_id):
    batch_id, ids = new_batch(database, dataset_id, **{f"n{n}": f"s{n}" for n in range(25)})
    for document_id in ids[:10]:
        make_ready(database, document_id)
    fail(database, ids[10])
    database.writing(deletion.delete_document, ADMIN, ids[11])

    seen, cursor = [], None
    while True:
        part = get(database, batch_id, page=PageRequest(10, cursor))
        assert (part.total, part.count("ready"), part.count("failed")) == (25, 10, 1)
        seen += [item.document_id for item in part.documents]
        cursor = part.next
        if cursor is None:
            break
    assert seen == sorted(ids)
    assert get(database, batch_id, page=PageRequest(0)).documents == ()
    failed = get(database, batch_id, status="failed").documents
    assert [(item.document_id, item.error) for item in failed] == [(ids[10], Failure("x", "y"))]
    assert [i.document_id for i in get(database, batch_id, status="removed").documents] == [ids[11]]
    states = database.reading(batches.states, ADMIN, batch_id)
    assert (len(states), states[ids[11]], states[ids[0]]) == (25, "removed", "ready")


def test_the_pace_is_that_of_the_last_seconds(database, dataset_id):
    batch_id, ids = new_batch(database, dataset_id, a="1", b="2", c="3", d="4")
    assert get(database, batch_id).pace == batches.Throughput(0, 0, None)
    with database.write() as tx:
        tx.execute(text("UPDATE batches SET created_at = '2026-01-01T00:00:00.000Z'"))
    database.writing(throughput.add, {batch_id: 100.0, "batch_other": 7.0})
    make_ready(database, ids[0])

    pace = get(database, batch_id).pace  # one document of 100 bytes in 10 s, 300 bytes left
    assert pace == batches.Throughput(0.1, 10, 30)
    for document_id in ids[1:]:
        make_ready(database, document_id)
    assert get(database, batch_id).pace is None


def test_a_paused_batch_is_not_claimed_and_others_are(database, dataset_id):
    paused, first = new_batch(database, dataset_id, a="1", b="2")
    _, second = new_batch(database, dataset_id, c="3")
    database.writing(batch_control.pause, ADMIN, paused)

    assert [job.subject for job in database.writing(jobs.claim, "me", "index", 10)] == second
    assert get(database, paused).is_paused
    database.writing(batch_control.resume, ADMIN, paused)
    assert [job.subject for job in database.writing(jobs.claim, "me", "index", 10)] == first


def test_cancelling_drops_what_waits_and_keeps_what_is_there(database, dataset_id):
    _, (old,) = new_batch(database, dataset_id, a="1")
    make_ready(database, old)
    batch_id, ids = new_batch(database, dataset_id, a="2", b="3", c="4")
    make_ready(database, ids[1])
    database.writing(jobs.claim, "me", "index", 1)
    database.writing(batch_control.cancel, ADMIN, batch_id)

    assert [status(database, i) for i in ids] == ["failed", "ready", "failed"]
    replaced = database.reading(documents.get, ADMIN, old)
    assert (replaced.live_version, replaced.error) == (1, batch_control.CANCELLED)
    assert database.reading(jobs.waiting) == 0
    state = get(database, batch_id)
    assert (state.is_completed, state.count("ready"), state.count("failed")) == (True, 1, 2)


def test_what_is_stored_and_waits_for_the_indexes_is_not_cancelled(database, dataset_id):
    batch_id, (document_id,) = new_batch(database, dataset_id, a="1")
    with database.write() as tx:
        documents.set_status(tx, document_id, "indexing")
        jobs.drop(tx, document_id)  # as the worker does when it has stored a document
    database.writing(batch_control.cancel, ADMIN, batch_id)
    assert status(database, document_id) == "indexing"
    make_ready(database, document_id)
    assert status(database, document_id) == "ready"


def test_retrying_queues_exactly_the_failed(database, dataset_id):
    batch_id, ids = new_batch(database, dataset_id, a="1", b="2", c="3")
    make_ready(database, ids[0])
    fail(database, ids[1])
    fail(database, ids[2])

    assert database.writing(batch_control.retry, ADMIN, batch_id) == 2
    assert [status(database, i) for i in ids] == ["ready", "pending", "pending"]
    assert database.writing(batch_control.retry, ADMIN, batch_id) == 0
    assert {job.subject for job in database.writing(jobs.claim, "me", "index", 10)} == set(ids[1:])


def test_a_stranger_controls_nothing(database, dataset_id):
    batch_id, _ = new_batch(database, dataset_id, a="1")
    stranger = Scope(frozenset({"ingest"}), datasets=frozenset({"ds_other"}))
    for change in (
        batch_control.pause,
        batch_control.resume,
        batch_control.cancel,
        batch_control.retry,
    ):
        with pytest.raises(NotFound):
            database.writing(change, stranger, batch_id)
    assert not get(database, batch_id).is_paused
    assert database.reading(jobs.waiting) == 1
