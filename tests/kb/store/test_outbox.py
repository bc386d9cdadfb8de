"""Events are written with what they tell: each once, and only for who wants it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from kb.errors import NotFound, Rejected
from kb.store.access.secrets import Secrets
from kb.store.content import datasets, documents, generations, indexed, switching
from kb.store.engine import schema
from kb.store.engine.database import Database, Transaction
from kb.store.engine.paging import PageRequest
from kb.store.webhooks import deliveries, webhooks
from kb.store.work import batch_control, batches, deletion, jobs, placing
from kb.store.work.placing import Upload, UploadTarget
from kb.types import Failure, Scope

ADMIN = Scope.admin()
EVENTS = ("document.ready", "document.failed", "batch.completed")
VAULT = Secrets(b"0" * 32)


@pytest.fixture
def dataset_id(database: Database) -> str:
    return database.writing(datasets.create, ADMIN, name="d", embedder="e").id


@pytest.fixture
def hook(database: Database) -> str:
    return new_hook(database)


def new_hook(database: Database, events=EVENTS, dataset_ids=()) -> str:
    url = "http://127.0.0.1:9/"
    return database.writing(webhooks.create, ADMIN, VAULT, url, events, dataset_ids).id


def new_batch(database: Database, dataset_id: str, *uploads: Upload) -> tuple[str, list[str]]:
    with database.write() as tx:
        batch_id = batches.create(tx, ADMIN, dataset_id)
        placed = placing.put(tx, UploadTarget(ADMIN, dataset_id, batch_id), uploads)
        batches.add(tx, batch_id, placed)
    return batch_id, [item.document.id for item in placed]


def file(name: str, sha256: str = "s", **more: Any) -> Upload:
    return Upload(name, "text/markdown", sha256, 100, **more)


def make_ready(database: Database, versions: dict[str, int]) -> None:
    with database.write() as tx:
        jobs.drop(tx, *versions)
        indexed.make_all_live(tx, versions)


def fail(database: Database, document_id: str) -> None:
    with database.write() as tx:
        jobs.drop(tx, document_id)
        documents.set_status(tx, document_id, "failed", Failure("no_text", "what it says"))


def told(database: Database, hook: str) -> list[tuple[str, dict[str, Any]]]:
    """What is in the outbox of a webhook, oldest first."""
    listed = database.reading(deliveries.page, ADMIN, hook, PageRequest(500)).data
    return [(each.event, dict(each.data)) for each in reversed(listed)]


def completed(database: Database, hook: str) -> list[str]:
    return [data["batch_id"] for event, data in told(database, hook) if event == "batch.completed"]


def test_a_document_that_is_ready_or_failed_is_told_with_its_batch(database, dataset_id, hook):
    batch_id, (a, b) = new_batch(database, dataset_id, file("a.md"), file("b.md"))
    make_ready(database, {a: 1})
    assert completed(database, hook) == []
    fail(database, b)

    ids = {"dataset_id": dataset_id, "version": 1, "batch_id": batch_id}
    counts = {"total": 2, "ready": 1, "failed": 1, "removed": 0}
    assert told(database, hook) == [
        ("document.ready", {"document_id": a, "document_name": "a.md", **ids}),
        (
            "document.failed",
            {"document_id": b, "document_name": "b.md", "error": {"code": "no_text"}, **ids},
        ),
        ("batch.completed", {"batch_id": batch_id, "dataset_id": dataset_id, **counts}),
    ]


def test_a_batch_is_told_each_time_that_it_completes_and_no_other_one_with_it(
    database, dataset_id, hook
):
    first, (a, *_) = new_batch(database, dataset_id, file("a.md"))
    make_ready(database, {a: 1})
    second, _ = new_batch(database, dataset_id, file("a.md", "other"))
    make_ready(database, {a: 2})
    assert completed(database, hook) == [first, second]

    fail(database, a)
    assert completed(database, hook) == [first, second], "it was done before"
    database.writing(batch_control.retry, ADMIN, second)
    make_ready(database, {a: 2})
    assert completed(database, hook) == [first, second, second]


def test_a_batch_completes_when_what_it_waits_for_is_replaced_deleted_or_given_up(
    database, dataset_id, hook
):
    replaced, (a,) = new_batch(database, dataset_id, file("a.md"))
    by, _ = new_batch(database, dataset_id, file("a.md", "other"))
    assert completed(database, hook) == [replaced]

    database.writing(deletion.delete_document, ADMIN, a)
    assert completed(database, hook) == [replaced, by]

    cancelled, (c, _) = new_batch(database, dataset_id, file("c.md"), file("d.md"))
    database.writing(batch_control.cancel, ADMIN, cancelled)
    assert completed(database, hook) == [replaced, by, cancelled]
    codes = [data["error"]["code"] for event, data in told(database, hook) if "error" in data]
    assert codes == ["cancelled", "cancelled"]

    database.writing(deletion.delete_document, ADMIN, c)
    assert completed(database, hook) == [replaced, by, cancelled], "it was done before"


def test_what_an_upload_settles_at_once_is_told_with_it(database, dataset_id, hook):
    _, (a,) = new_batch(database, dataset_id, file("a.md"))
    make_ready(database, {a: 1})
    again, _ = new_batch(database, dataset_id, file("a.md"))
    assert completed(database, hook)[-1] == again, "it brought nothing new"

    broken = file("b.md", "", error=Failure("archive_nested", "It is an archive."))
    batch, (b,) = new_batch(database, dataset_id, broken)
    news = told(database, hook)[-2:]
    assert [event for event, _ in news] == ["document.failed", "batch.completed"]
    assert (news[0][1]["document_id"], news[1][1]["batch_id"]) == (b, batch)


def test_a_file_that_waits_in_two_batches_completes_both(database, dataset_id, hook):
    first, (a,) = new_batch(database, dataset_id, file("a.md"))
    second, _ = new_batch(database, dataset_id, file("a.md"))
    assert completed(database, hook) == []
    make_ready(database, {a: 1})
    assert sorted(completed(database, hook)) == [first, second]


def test_a_deleted_dataset_completes_no_batch(database, dataset_id, hook):
    new_batch(database, dataset_id, file("a.md"))
    database.writing(deletion.delete_dataset, ADMIN, dataset_id)
    assert told(database, hook) == []


def test_only_what_is_wanted_is_written(database, dataset_id):
    other = database.writing(datasets.create, ADMIN, name="o", embedder="e").id
    only_ready = new_hook(database, ("document.ready",))
    of_other = new_hook(database, EVENTS, (other,))
    off = new_hook(database)
    database.writing(webhooks.change, ADMIN, off, {"active": False})

    _, (a, b) = new_batch(database, dataset_id, file("a.md"), file("b.md"))
    make_ready(database, {a: 1})
    fail(database, b)
    assert [event for event, _ in told(database, only_ready)] == ["document.ready"]
    assert told(database, of_other) == told(database, off) == []

    _, (c,) = new_batch(database, other, file("c.md"))
    make_ready(database, {c: 1})
    assert [event for event, _ in told(database, of_other)] == ["document.ready", "batch.completed"]


def test_a_switch_tells_of_documents_that_it_makes_fail_or_ready_and_of_no_batch(
    database, dataset_id, hook
):
    _, (a, b) = new_batch(database, dataset_id, file("a.md"), file("b.md"))
    make_ready(database, {a: 1, b: 1})
    before = len(told(database, hook))
    with database.write() as tx:
        dataset = datasets.get(tx, ADMIN, dataset_id)
        kept = {"processing": dataset.processing, "embedder": "e", "model": None}
        new = generations.create(tx, dataset, **kept)
        switching.put_state(tx, new, a, 1)
        switching.put_state(tx, new, b, 1, error=Failure("no_text", "It has none."))
    database.writing(switching.switch, ADMIN, dataset_id, new.number)
    assert [(event, data["document_id"]) for event, data in told(database, hook)[before:]] == [
        ("document.failed", b)
    ]

    database.writing(switching.roll_back, ADMIN, dataset_id)
    assert [(event, data["document_id"]) for event, data in told(database, hook)[before + 1 :]] == [
        ("document.ready", b)
    ]


def make_ready_and_fail(tx: Transaction, document_id: str) -> None:
    indexed.make_all_live(tx, {document_id: 1})
    documents.get(tx, ADMIN, "doc_nobody")


def test_a_change_that_is_undone_tells_nothing(database, dataset_id, hook):
    _, (a,) = new_batch(database, dataset_id, file("a.md"))
    with pytest.raises(NotFound):
        database.writing(make_ready_and_fail, a)
    assert told(database, hook) == []


def test_a_webhook_for_a_dataset_that_is_absent_or_with_feedback_of_one_is_refused(
    database, dataset_id
):
    with pytest.raises(NotFound):
        new_hook(database, EVENTS, ("ds_nobody",))
    with pytest.raises(Rejected, match="Of no dataset"):
        new_hook(database, ("feedback.created",), (dataset_id,))
    hook = new_hook(database, ("feedback.created",))
    with pytest.raises(Rejected, match="Of no dataset"):
        database.writing(webhooks.change, ADMIN, hook, {"dataset_ids": (dataset_id,)})
    assert database.reading(webhooks.get, ADMIN, hook).dataset_ids == ()


def test_old_events_are_forgotten_and_a_moment_of_before_the_clock_was_set_back_has_come(
    database, dataset_id, hook
):
    _, (a, b) = new_batch(database, dataset_id, file("a.md"), file("b.md"))
    make_ready(database, {a: 1, b: 1})
    ids = [each.delivery.id for each in database.reading(deliveries.due, VAULT, {})]
    assert len(ids) == 3
    moments = {"next_attempt_at": "2099-01-01T00:00:00.000Z"}
    old = {"created_at": "2020-01-01T00:00:00.000Z"}
    with database.write() as tx:
        sent = schema.deliveries
        tx.execute(update(sent).where(sent.c.id == ids[0]).values(**moments))
        tx.execute(update(sent).where(sent.c.id == ids[1]).values(**old))
        deliveries.prune(tx)
    due = database.reading(deliveries.due, VAULT, {hook: [ids[2]]})
    assert [each.delivery.id for each in due] == [ids[0]]
