"""What a document may take is limited, and its work can be stopped at any moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from ingest.sandbox.reader_process import ReaderPool
from ingest.work import pipeline
from ingest.work.worker import Worker
from kb.knowledge_base import KnowledgeBase
from kb.settings import IngestSettings
from kb.store.work import batch_control, jobs
from kb.types import Processing, Scope
from tests.ingest.work.reindexing_parts import await_built
from tests.parts import ADMIN, document, finish, ingest, upload, working


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.01)


def one_reader(monkeypatch: pytest.MonkeyPatch, timeout_s: float = 600, **limits: Any) -> None:
    """The worker reads one file at a time, and ends with none that begins with `slow`."""

    def with_limits(_limits: IngestSettings, readers: int = 1) -> ReaderPool:
        return ReaderPool(
            readers,
            timeout_s=timeout_s,
            memory_bytes=limits.get("memory_bytes", 768 << 20),
            max_characters=10**7,
            child_module="tests.ingest.sandbox.slow_child",
        )

    monkeypatch.setattr(ReaderPool, "with_limits", with_limits)
    monkeypatch.setattr("ingest.work.engine.suitable_readers", lambda _cores: 1)


def is_read(worker: Worker) -> bool:
    return any(child.documents for child in worker.engine.readers._children)


def queued(kb: KnowledgeBase) -> list[tuple[str | None, int]]:
    with kb.database.read() as tx:
        return [tuple(row) for row in tx.execute(text("SELECT owner, attempts FROM queue"))]


def status(kb: KnowledgeBase, item: Any) -> tuple[str, str | None]:
    found = document(kb, item.id)
    return found.status, found.error.code if found.error else None


def test_cancelling_ends_what_a_child_is_at_and_the_next_document_is_read(
    kb, dataset_id, monkeypatch: pytest.MonkeyPatch
):
    one_reader(monkeypatch)
    slow = upload(kb, dataset_id, {"slow.txt": "slow"})
    with working(kb) as worker:
        until(lambda: is_read(worker))
        quick = upload(kb, dataset_id, {"quick.txt": "A quick one."}).accepted[0]
        kb.database.writing(batch_control.cancel, ADMIN, slow.batch_id)
        assert worker.wait_idle(60)
    assert status(kb, slow.accepted[0]) == ("failed", "cancelled")
    assert status(kb, quick) == ("ready", None)


def test_pausing_ends_what_a_child_is_at_and_counts_no_attempt(
    kb, dataset_id, monkeypatch: pytest.MonkeyPatch
):
    one_reader(monkeypatch)
    slow = upload(kb, dataset_id, {"slow.txt": "slow"})
    with working(kb) as worker:
        until(lambda: is_read(worker))
        kb.database.writing(batch_control.pause, ADMIN, slow.batch_id)
        until(lambda: queued(kb) == [(None, 0)])
        assert status(kb, slow.accepted[0]) == ("pending", None)
        kb.database.writing(batch_control.resume, ADMIN, slow.batch_id)
        until(lambda: queued(kb) == [(kb.owner.id, 1)])


def test_stopping_ends_what_a_child_is_at(kb, dataset_id, monkeypatch: pytest.MonkeyPatch):
    one_reader(monkeypatch)
    upload(kb, dataset_id, {"slow.txt": "slow"})
    with working(kb) as worker:
        until(lambda: is_read(worker))
    assert queued(kb) == [(None, 0)]


def test_a_document_over_a_limit_fails_by_name_while_others_go_on(
    kb, dataset_id, monkeypatch: pytest.MonkeyPatch
):
    one_reader(monkeypatch, timeout_s=5)
    files = {"a.txt": "One.", "slow.txt": "slow", "b.txt": "Two."}
    result = upload(kb, dataset_id, files)
    finish(kb)
    assert {item.name: status(kb, item) for item in result.accepted} == {
        "a.txt": ("ready", None),
        "slow.txt": ("failed", "read_timeout"),
        "b.txt": ("ready", None),
    }


def test_a_number_list_without_blanks_is_split_under_the_limits_of_its_child(kb, dataset_id):
    numbers = ",".join(map(str, range(200_000)))
    (document_id,) = ingest(kb, dataset_id, {"numbers.txt": numbers}).values()
    receipt = document(kb, document_id).receipt
    assert receipt is not None
    assert receipt["balance"]["kept"] == len(numbers)


def test_without_memory_for_a_reader_a_document_fails_by_name_and_is_read_later(
    kb, dataset_id, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as short:
        one_reader(short, memory_bytes=1 << 20)
        (item,) = upload(kb, dataset_id, {"a.txt": "One."}).accepted
        finish(kb)
        assert status(kb, item) == ("failed", "reader_not_started")
    kb.database.writing(batch_control.retry_document, ADMIN, item.id)
    finish(kb)
    assert status(kb, item) == ("ready", None)


def test_re_indexing_has_the_limits_of_reading_and_the_other_documents_go_on(
    kb, dataset_id, monkeypatch: pytest.MonkeyPatch
):
    ingest(kb, dataset_id, {"a.txt": "One.", "bad.txt": "a" * 60 + "!", "b.txt": "Two."})
    one_reader(monkeypatch, timeout_s=5)
    harmful = Processing(custom_regex=(r"(a|aa|b?)+$",))
    kb.reindexing.begin(ADMIN, dataset_id, processing=harmful)
    with working(kb) as worker:
        await_built(kb, worker, dataset_id)
    failures = kb.reindexing.failures(ADMIN, dataset_id, 2)
    assert [(name, error.code) for _, name, error in failures] == [("bad.txt", "read_timeout")]


def test_removing_a_generation_ends_what_a_child_does_for_it(kb, dataset_id):
    ingest(kb, dataset_id, {"bad.txt": "a" * 60 + "!"})
    harmful = Processing(custom_regex=(r"(a|aa|b?)+$",))
    kb.reindexing.begin(ADMIN, dataset_id, processing=harmful)
    with working(kb) as worker:
        until(lambda: is_read(worker))
        kb.reindexing.remove(ADMIN, dataset_id, 2)
        until(lambda: not any(child.is_alive() for child in worker.engine.readers._children))


# --- turns -----------------------------------------------------------------------------------


def of_key(key_id: str) -> Scope:
    return replace(ADMIN, key_id=key_id)


def upload_as(kb: KnowledgeBase, key_id: str, dataset_id: str, *names: str) -> None:
    from ingest.intake.upload import UploadedFile, accept

    staged = [
        UploadedFile(name, kb.originals.stage([name.encode()], max_bytes=100)) for name in names
    ]
    accept(kb, of_key(key_id), dataset_id, staged)


def read_in_order(kb: KnowledgeBase, monkeypatch: pytest.MonkeyPatch, before) -> list[str]:
    """The names of documents as they are read one by one; `before` is called with each."""
    order: list[str] = []
    prepare = pipeline.prepare

    def noted(kb: KnowledgeBase, readers: ReaderPool, job: jobs.Job, *rest: Any) -> Any:
        order.append(document(kb, job.subject).name)
        before(order)
        return prepare(kb, readers, job, *rest)

    monkeypatch.setattr(pipeline, "prepare", noted)
    monkeypatch.setattr("ingest.work.engine.suitable_readers", lambda _cores: 1)
    monkeypatch.setattr("ingest.work.worker.SLOW_S", 3600.0)
    finish(kb)
    return order


def test_keys_take_turns_and_so_do_the_datasets_of_a_key(kb, monkeypatch: pytest.MonkeyPatch):
    one, two = (kb.create_dataset(ADMIN, name).id for name in ("one", "two"))
    upload_as(kb, "a", one, *(f"a1{n}.txt" for n in range(3)))
    upload_as(kb, "a", two, *(f"a2{n}.txt" for n in range(2)))
    upload_as(kb, "b", two, *(f"b{n}.txt" for n in range(2)))
    order = read_in_order(kb, monkeypatch, lambda _order: None)
    assert [name[:2] for name in order] == ["a1", "b0", "a2", "b1", "a1", "a2", "a1"]


def test_who_comes_while_another_ones_slow_documents_are_read_has_the_next_turn(
    kb, dataset_id, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("ingest.work.worker.CLAIM_S", 0.0)
    upload_as(kb, "a", dataset_id, *(f"a{n}.txt" for n in range(50)))

    def late(order: list[str]) -> None:
        if len(order) == 2:
            upload_as(kb, "b", dataset_id, "b0.txt", "b1.txt")

    order = read_in_order(kb, monkeypatch, late)
    assert len(order) == 52
    assert {"b0.txt", "b1.txt"} <= set(order[2:7])


def test_a_slow_document_holds_up_those_of_its_own_dataset_but_not_those_of_others(
    kb, dataset_id, monkeypatch: pytest.MonkeyPatch
):
    one_reader(monkeypatch)
    monkeypatch.setattr("ingest.work.worker.SLOW_S", 0.2)
    other = kb.create_dataset(ADMIN, "other").id
    upload(kb, dataset_id, {"slow.txt": "slow"})
    with working(kb) as worker:
        until(lambda: is_read(worker))
        own = upload(kb, dataset_id, {"own.txt": "One of the same dataset."}).accepted[0]
        quick = upload(kb, other, {"quick.txt": "A quick one.", "more.txt": "One more."}).accepted
        until(lambda: all(status(kb, item) == ("ready", None) for item in quick))
        assert is_read(worker)
        assert status(kb, own)[0] != "ready"
