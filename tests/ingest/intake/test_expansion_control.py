"""An archive is steered like its batch, and never overtakes what was uploaded after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ingest.intake import expansion
from ingest.work.archive_worker import ArchiveWorker
from kb.ids import now
from kb.knowledge_base import KnowledgeBase
from kb.store.content import documents
from kb.store.engine.paging import PageRequest
from kb.store.work import batch_control, batches, jobs
from tests.ingest.readers.office_samples import zipped
from tests.parts import ADMIN, finish, ingest, upload


def texts(kb: KnowledgeBase, dataset_id: str) -> dict[str, str]:
    page = kb.database.reading(documents.page, ADMIN, dataset_id, PageRequest(100))
    return {item.name: kb.originals.path(item.sha256).read_text() for item in page.data}


def items(kb: KnowledgeBase, batch_id: str | None) -> dict[str, batches.BatchItem]:
    assert batch_id is not None
    return {i.name: i for i in kb.database.reading(batches.get, ADMIN, batch_id).documents}


def many(number: int) -> dict[str, str | bytes]:
    return {f"{n:03}.md": f"Text number{n} of the archive." for n in range(number)}


def interrupted_by(
    monkeypatch: pytest.MonkeyPatch, after: int, interrupt: Callable[[], object]
) -> list[str]:
    """The names of the members that are unpacked; something happens after so many."""
    unpack, seen = expansion.member_upload, []

    def counted(kb: KnowledgeBase, file: Any, archive: str, member: Any, **options: Any) -> Any:
        seen.append(member.name)
        if len(seen) == after:
            interrupt()
        return unpack(kb, file, archive, member, **options)

    monkeypatch.setattr(expansion, "member_upload", counted)
    return seen


def work(kb: KnowledgeBase) -> None:
    """What the thread that expands archives does in one turn."""
    ArchiveWorker(kb)._round()


def until_the_clock_moves_on() -> None:
    """Order is told by milliseconds; between two requests some always pass."""
    moment = now()
    while now() == moment:
        pass


def test_a_file_uploaded_after_the_archive_is_not_replaced_by_its_member(kb, dataset_id):
    archive = upload(kb, dataset_id, {"all.zip": zipped({"a.md": "Old.", "b.md": "Old."})})
    upload(kb, dataset_id, {"a.md": "New."})
    finish(kb)

    assert texts(kb, dataset_id) == {"a.md": "New.", "b.md": "Old."}
    listed = items(kb, archive.batch_id)
    assert {name: item.status for name, item in listed.items()} == {
        "a.md": "ready",
        "b.md": "ready",
    }
    assert listed["b.md"].note is None
    note = listed["a.md"].note
    assert note is not None
    assert (note.code, "newer" in note.detail) == ("newer_exists", True)
    assert kb.fsck.run().is_clean


def test_a_file_confirmed_after_the_archive_is_not_replaced_either(kb, dataset_id):
    ingest(kb, dataset_id, {"a.md": "Kept."})
    upload(kb, dataset_id, {"all.zip": zipped({"a.md": "Of the archive."})})
    upload(kb, dataset_id, {"a.md": "Kept."})
    finish(kb)
    assert texts(kb, dataset_id) == {"a.md": "Kept."}


def test_a_broken_member_does_not_break_a_newer_document(kb, dataset_id):
    upload(kb, dataset_id, {"all.zip": zipped({"a.md": b"\x7fELF\x02\x01\x01\x00"})})
    upload(kb, dataset_id, {"a.md": "New."})
    finish(kb)
    (only,) = kb.database.reading(documents.page, ADMIN, dataset_id, PageRequest()).data
    assert (only.status, only.version) == ("ready", 1)


def test_an_archive_replaces_what_was_there_before_it(kb, dataset_id):
    ingest(kb, dataset_id, {"a.md": "Old."})
    upload(kb, dataset_id, {"all.zip": zipped({"a.md": "Of the archive."})})
    finish(kb)
    assert texts(kb, dataset_id) == {"a.md": "Of the archive."}


def test_a_document_deleted_after_the_archive_is_not_made_again_by_it(kb, dataset_id):
    ids = ingest(kb, dataset_id, {"a.md": "Old.", "b.md": "Old."})
    archive = upload(kb, dataset_id, {"all.zip": zipped({"a.md": "New.", "c.md": "New."})})
    until_the_clock_moves_on()
    kb.delete_document(ADMIN, ids["a.md"])
    finish(kb)

    assert texts(kb, dataset_id) == {"b.md": "Old.", "c.md": "New."}
    listed = items(kb, archive.batch_id)
    assert {name: item.status for name, item in listed.items()} == {
        "a.md": "removed",
        "c.md": "ready",
    }
    note = listed["a.md"].note
    assert note is not None
    assert (note.code, "deleted" in note.detail) == ("deleted_since", True)
    assert kb.fsck.run().is_clean


def test_a_file_deleted_and_uploaded_again_after_the_archive_stays_as_it_is(kb, dataset_id):
    ids = ingest(kb, dataset_id, {"a.md": "Old."})
    archive = upload(kb, dataset_id, {"all.zip": zipped({"a.md": "Of the archive."})})
    until_the_clock_moves_on()
    kb.delete_document(ADMIN, ids["a.md"])
    upload(kb, dataset_id, {"a.md": "Newest."})
    finish(kb)

    assert texts(kb, dataset_id) == {"a.md": "Newest."}
    note = items(kb, archive.batch_id)["a.md"].note
    assert note is not None
    assert note.code == "newer_exists"


def test_an_archive_uploaded_after_a_deletion_makes_the_document_again(kb, dataset_id):
    ids = ingest(kb, dataset_id, {"a.md": "Old."})
    kb.delete_document(ADMIN, ids["a.md"])
    upload(kb, dataset_id, {"all.zip": zipped({"a.md": "New."})})
    finish(kb)
    assert texts(kb, dataset_id) == {"a.md": "New."}


def test_a_retried_archive_does_not_make_again_what_was_deleted_of_it(
    kb, dataset_id, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(expansion, "GROUP_FILES", 2)
    batch_id = upload(kb, dataset_id, {"all.zip": zipped(many(4))}).batch_id
    cancel = lambda: kb.database.writing(batch_control.cancel, ADMIN, batch_id)  # noqa: E731
    interrupted_by(monkeypatch, 3, cancel)
    work(kb)
    until_the_clock_moves_on()
    kb.delete_document(ADMIN, items(kb, batch_id)["000.md"].document_id)
    kb.database.writing(batch_control.retry, ADMIN, batch_id)
    finish(kb)
    assert set(texts(kb, dataset_id)) == {"001.md", "002.md", "003.md"}
    assert kb.fsck.run().is_clean


def test_what_an_upload_left_out_says_why(kb, dataset_id):
    ingest(kb, dataset_id, {"a.md": "Old."})
    result = upload(kb, dataset_id, {"a.md": "New."}, mode="skip")
    note = items(kb, result.batch_id)["a.md"].note
    assert note is not None
    assert note.code == "exists"


def test_a_paused_archive_stops_between_members_and_goes_on(
    kb, dataset_id, monkeypatch: pytest.MonkeyPatch
):
    batch_id = upload(kb, dataset_id, {"all.zip": zipped(many(20))}).batch_id
    pause = lambda: kb.database.writing(batch_control.pause, ADMIN, batch_id)  # noqa: E731
    seen = interrupted_by(monkeypatch, 7, pause)
    work(kb)
    work(kb)
    assert seen == sorted(many(7))
    assert set(items(kb, batch_id)) == {*many(7), "all.zip"}
    assert kb.database.writing(jobs.claim, kb.owner.id, "index", 10) == []

    kb.database.writing(batch_control.resume, ADMIN, batch_id)
    finish(kb)
    assert seen == sorted(many(20))
    state = kb.database.reading(batches.get, ADMIN, batch_id)
    assert (state.total, state.count("ready")) == (20, 20)
    assert kb.fsck.run().is_clean


def test_a_cancelled_archive_is_not_expanded_further_and_can_be_retried(
    kb, dataset_id, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(expansion, "GROUP_FILES", 5)
    batch_id = upload(kb, dataset_id, {"all.zip": zipped(many(20))}).batch_id
    cancel = lambda: kb.database.writing(batch_control.cancel, ADMIN, batch_id)  # noqa: E731
    seen = interrupted_by(monkeypatch, 7, cancel)
    work(kb)
    assert len(seen) == 7
    listed = items(kb, batch_id)
    assert set(listed) == {*many(5), "all.zip"}
    assert {item.error.code for item in listed.values() if item.error} == {"cancelled"}
    assert kb.fsck.run().is_clean

    kb.database.writing(batch_control.retry, ADMIN, batch_id)
    finish(kb)
    assert kb.database.reading(batches.get, ADMIN, batch_id).count("ready") == 20
    assert kb.fsck.run().is_clean
