"""Where uploads go: new, next version, unchanged or skipped, many at a time."""

from __future__ import annotations

import pytest

from kb.errors import Conflict, NotFound
from kb.store.content import datasets, documents, indexed
from kb.store.engine.database import Database
from kb.store.work import batch_control, batches, deletion, jobs, placing
from kb.store.work.placing import Upload, UploadedDocument, UploadTarget
from kb.types import Failure, Scope

ADMIN = Scope.admin()


@pytest.fixture
def dataset_id(database: Database) -> str:
    return database.writing(datasets.create, ADMIN, name="d", embedder="e").id


def put(
    database: Database, dataset_id: str, *uploads: Upload, mode="replace"
) -> list[UploadedDocument]:
    with database.write() as tx:
        batch_id = batches.create(tx, ADMIN, dataset_id, mode)
        placed = placing.put(tx, UploadTarget(ADMIN, dataset_id, batch_id, mode), uploads)
        batches.add(tx, batch_id, placed)
    return placed


def file(name: str, sha: str, **fields) -> Upload:
    return Upload(name, "text/markdown", sha, len(sha), **fields)


def make_ready(database: Database, placed: UploadedDocument) -> None:
    with database.write() as tx:
        jobs.drop(tx, placed.document.id)
        indexed.make_all_live(tx, {placed.document.id: placed.document.version})


def test_many_files_are_placed_together_and_answered_in_their_order(database, dataset_id):
    first = put(database, dataset_id, *(file(f"{n}.md", f"s{n}") for n in range(2000)))
    assert [item.document.name for item in first] == [f"{n}.md" for n in range(2000)]
    assert {item.outcome for item in first} == {"created"}
    assert database.reading(jobs.waiting) == 2000


def test_of_two_files_with_one_name_the_later_wins_and_both_are_answered(database, dataset_id):
    one, other, two = put(
        database, dataset_id, file("a.md", "s1"), file("b.md", "s3"), file("a.md", "s2")
    )
    assert one.document.id == two.document.id
    assert (one.outcome, two.outcome, other.outcome) == ("created", "replaced", "created")
    assert (two.document.version, two.document.sha256, two.replaced) == (2, "s2", "s1")
    assert database.reading(jobs.waiting) == 2


def test_the_mode_decides_about_other_bytes(database, dataset_id):
    (before,) = put(database, dataset_id, file("a.md", "s1"))
    make_ready(database, before)

    (same,) = put(database, dataset_id, file("a.md", "s1"))
    (skipped,) = put(database, dataset_id, file("a.md", "s2"), mode="skip")
    assert (same.outcome, skipped.outcome) == ("unchanged", "skipped")
    assert skipped.document.sha256 == "s1"
    (replaced,) = put(database, dataset_id, file("a.md", "s2"))
    assert (replaced.outcome, replaced.document.version, replaced.replaced) == ("replaced", 2, "s1")
    assert replaced.document.live_version == 1


def test_versions_are_kept_only_where_that_was_asked_for(database, dataset_id):
    (first,) = put(database, dataset_id, file("a.md", "s1"))
    (second,) = put(database, dataset_id, file("a.md", "s2"), mode="version")
    (third,) = put(database, dataset_id, file("a.md", "s3"), mode="version")
    (fourth,) = put(database, dataset_id, file("a.md", "s4"))
    document_id = first.document.id

    assert [second.replaced, third.replaced, fourth.replaced] == [None, None, "s3"]
    history = database.reading(documents.history, ADMIN, document_id)
    assert [(item.version, item.sha256) for item in history] == [(2, "s2"), (1, "s1")]
    assert database.reading(documents.original_hashes) == {"s1", "s2", "s4"}
    assert database.reading(documents.original, ADMIN, document_id, 1).sha256 == "s1"
    with pytest.raises(NotFound):
        database.reading(documents.original, ADMIN, document_id, 3)
    removed = database.writing(deletion.delete_document, ADMIN, document_id)
    assert set(removed) == {"s1", "s2", "s4"}
    assert database.reading(documents.original_hashes) == set()


def test_metadata_stays_unless_it_is_given(database, dataset_id):
    (before,) = put(database, dataset_id, file("a.md", "s1", metadata={"year": 2024}))
    make_ready(database, before)

    (kept,) = put(database, dataset_id, file("a.md", "s2"))
    assert kept.document.metadata == {"year": 2024}
    make_ready(database, kept)
    (changed,) = put(database, dataset_id, file("a.md", "s2", metadata={"year": 2025}))
    assert (changed.outcome, changed.document.metadata) == ("unchanged", {"year": 2025})
    assert changed.document.status == "ready"
    (cleared,) = put(database, dataset_id, file("a.md", "s3", metadata={}))
    assert cleared.document.metadata == {}


def test_a_file_without_bytes_is_listed_as_failed_and_cannot_be_retried(database, dataset_id):
    (before,) = put(database, dataset_id, file("a.md", "s1"))
    make_ready(database, before)
    failure = Failure("too_large", "Too large.")
    (failed,) = put(database, dataset_id, Upload("a.md", "x/y", "", 9, error=failure))

    assert (failed.document.status, failed.document.error) == ("failed", failure)
    assert failed.document.live_version == 1
    assert database.reading(jobs.waiting) == 0
    with pytest.raises(Conflict, match="not kept"):
        database.writing(batch_control.retry_document, ADMIN, failed.document.id)
