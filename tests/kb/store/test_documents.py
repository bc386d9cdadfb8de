from __future__ import annotations

import numpy as np
import pytest

from kb.errors import Conflict, NotFound
from kb.store.content import chunks, datasets, documents, embeddings, index_ops, indexed
from kb.store.content.indexed import IndexedVersion
from kb.store.engine.database import Database
from kb.store.engine.paging import PageRequest
from kb.store.work import batch_control, batches, deletion, jobs, placing
from kb.store.work.placing import Upload, UploadTarget
from kb.types import Chunk, Failure, Page, Scope, Span

ADMIN = Scope.admin()


@pytest.fixture
def dataset_id(database: Database) -> str:
    return database.writing(datasets.create, ADMIN, name="d", embedder="e").id


def put(database: Database, dataset_id: str, name: str = "a.md", sha: str = "s1", mode="replace"):
    upload = Upload(name, "text/markdown", sha, 3)
    with database.write() as tx:
        batch = batches.create(tx, ADMIN, dataset_id)
        (placed,) = placing.put(tx, UploadTarget(ADMIN, dataset_id, batch, mode), [upload])
        batches.add(tx, batch, [placed])
    return placed, batch


def index(database: Database, document_id: str, version: int, text: str = "abc") -> str:
    """What the worker and the applier do with one document of one chunk."""
    prefix = index_ops.chunk_prefix(document_id, version, 1)
    chunk = Chunk(f"{prefix}.0", document_id, 0, (Span(1, 0, len(text)),), text, "", text)
    dataset_id = database.reading(documents.get, ADMIN, document_id).dataset_id
    made = (document_id, version, dataset_id, 1, (Page(1, text),), (chunk,))
    with database.write() as tx:
        indexed.put(tx, [IndexedVersion(*made, receipt={})])
        vector = np.ones((1, 2), np.float32)
        embeddings.put(tx, "e", [embeddings.text_hash(text)], vector, owner="me")
        jobs.drop(tx, document_id)
        indexed.make_all_live(tx, {document_id: version})
    return chunk.id


def test_the_same_bytes_under_the_same_name_change_nothing(database, dataset_id):
    first, _ = put(database, dataset_id)
    index(database, first.document.id, 1)
    again, batch = put(database, dataset_id)

    assert again.document.id == first.document.id
    assert again.document.version == 1
    assert database.reading(jobs.waiting) == 0
    assert database.reading(batches.get, ADMIN, batch).is_completed


def test_other_bytes_make_a_version_and_the_old_one_answers_until_it_is_ready(database, dataset_id):
    first, _ = put(database, dataset_id)
    old = index(database, first.document.id, 1, "old")
    second, _ = put(database, dataset_id, sha="s2")

    assert (second.document.version, second.document.live_version) == (2, 1)
    assert second.replaced == "s1"
    assert set(database.reading(chunks.live, ADMIN, [old])) == {old}

    new = index(database, first.document.id, 2, "new")
    assert set(database.reading(chunks.live, ADMIN, [old, new])) == {new}
    removals = [op for op in database.reading(index_ops.oldest, 10) if op.kind == "remove"]
    assert [op.chunk_ids() for op in removals] == [[old]]


def test_skip_leaves_what_is_there(database, dataset_id):
    first, _ = put(database, dataset_id)
    skipped, _ = put(database, dataset_id, sha="s2", mode="skip")
    assert skipped.document == first.document


def test_a_deleted_document_is_out_of_every_answer_with_its_vectors(database, dataset_id):
    first, batch = put(database, dataset_id)
    chunk_id = index(database, first.document.id, 1)
    database.writing(deletion.delete_document, ADMIN, first.document.id)

    assert database.reading(chunks.live, ADMIN, [chunk_id]) == {}
    assert database.reading(embeddings.count) == 0
    assert database.reading(batches.get, ADMIN, batch).count("removed") == 1
    with pytest.raises(NotFound):
        database.reading(documents.get, ADMIN, first.document.id)


def test_a_vector_that_another_document_needs_stays(database, dataset_id):
    one, _ = put(database, dataset_id, "a.md")
    two, _ = put(database, dataset_id, "b.md")
    index(database, one.document.id, 1)
    kept = index(database, two.document.id, 1)
    database.writing(deletion.delete_document, ADMIN, one.document.id)
    assert set(database.reading(embeddings.of_chunks, "e", [kept])) == {kept}


def test_another_scope_sees_nothing(database, dataset_id):
    first, batch = put(database, dataset_id)
    chunk_id = index(database, first.document.id, 1)
    stranger = Scope(frozenset({"search", "ingest"}), datasets=frozenset({"ds_other"}))

    assert database.reading(chunks.live, stranger, [chunk_id]) == {}
    for look, name in (
        (documents.get, first.document.id),
        (datasets.get, dataset_id),
        (batches.get, batch),
    ):
        with pytest.raises(NotFound):
            database.reading(look, stranger, name)


def test_only_failed_documents_are_retried(database, dataset_id):
    first, _ = put(database, dataset_id)
    with pytest.raises(Conflict):
        database.writing(batch_control.retry_document, ADMIN, first.document.id)
    error = Failure("x", "y")
    database.writing(documents.set_status, first.document.id, "failed", error)
    assert database.reading(documents.get, ADMIN, first.document.id).error == error
    assert (
        database.writing(batch_control.retry_document, ADMIN, first.document.id).status == "pending"
    )


def test_a_claim_that_was_taken_over_is_not_held(database, dataset_id):
    put(database, dataset_id)
    (first,) = database.writing(jobs.claim, "me", "index", 5, is_begun=False)
    assert database.writing(jobs.begin, [first])
    assert database.writing(jobs.claim, "me", "index", 5) == []
    database.writing(jobs.requeue_left, ())
    (second,) = database.writing(jobs.claim, "me", "index", is_begun=True)
    assert (first.attempts, second.attempts) == (0, 1)
    assert not database.reading(jobs.is_held, first)
    assert database.reading(jobs.is_held, second)


def test_an_orderly_release_does_not_count_as_an_attempt(database, dataset_id):
    put(database, dataset_id)
    (first,) = database.writing(jobs.claim, "me", "index", 5, is_begun=False)
    assert database.writing(jobs.begin, [first])
    database.writing(jobs.release, [first])
    (again,) = database.writing(jobs.claim, "me", "index", 5, is_begun=False)
    assert again.attempts == 0


def test_lists_come_in_pages_that_add_up(database, dataset_id):
    names = [f"{n:03}.md" for n in range(25)]
    for name in names:
        put(database, dataset_id, name)
    seen, cursor = [], None
    while True:
        part = database.reading(documents.page, ADMIN, dataset_id, PageRequest(10, cursor))
        seen += [document.name for document in part.data]
        cursor = part.next
        if cursor is None:
            break
    assert seen == names
    found = database.reading(documents.page, ADMIN, dataset_id, PageRequest(), q="02")
    assert [d.name for d in found.data] == [
        "002.md",
        "020.md",
        "021.md",
        "022.md",
        "023.md",
        "024.md",
    ]
