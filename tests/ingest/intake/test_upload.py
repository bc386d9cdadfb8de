"""Accepting files: what is acknowledged is on disk, once, and what is refused says why."""

from __future__ import annotations

import os
import threading
import unicodedata

import pytest
from sqlalchemy import text

from ingest.intake.upload import UploadedFile, accept, checked_name
from kb.errors import EmbedderMismatch, NotFound, Rejected, StorageFull, TooLarge
from kb.files.folder_originals import FolderOriginals
from kb.knowledge_base import KnowledgeBase
from kb.store.content import documents
from kb.store.engine.paging import PageRequest
from kb.store.work import batches
from kb.types import Document, Scope
from tests.parts import ADMIN, document, finish, ingest, kept_hashes, upload


def stored(kb: KnowledgeBase, dataset_id: str) -> tuple[Document, ...]:
    return kb.database.reading(documents.page, ADMIN, dataset_id, PageRequest(500)).data


def staging(kb: KnowledgeBase) -> list[str]:
    return os.listdir(kb.folder.originals / "staging" / kb.owner.id)


def test_an_accepted_file_lies_under_its_hash_and_waits_to_be_indexed(kb, dataset_id):
    result = upload(kb, dataset_id, {"dir/a.md": "Some text."})
    (accepted,) = result.accepted
    assert (accepted.name, accepted.status, accepted.size_bytes) == ("dir/a.md", "pending", 10)
    assert kb.originals.path(accepted.sha256).read_bytes() == b"Some text."
    assert kb.database.reading(batches.get, ADMIN, result.batch_id).count("pending") == 1
    assert staging(kb) == []


@pytest.mark.one_folder
def test_bytes_and_both_names_are_synced_before_the_rows_are(kb, dataset_id, monkeypatch):
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(handle: int) -> None:
        fsync(handle)
        done.append("fsync folder" if os.path.isdir(f"/proc/self/fd/{handle}") else "fsync file")

    def noted_replace(source, target) -> None:
        replace(source, target)
        done.append("rename")

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    create = batches.create

    def noted_create(*args):
        done.append("rows")
        return create(*args)

    monkeypatch.setattr(batches, "create", noted_create)
    upload(kb, dataset_id, {"a.md": "Some text."})
    # The new folder ab/ is a name in the root, so the root is synced too.
    assert done == ["fsync file", "fsync folder", "rename", "fsync folder", "rows"]


def test_one_bad_file_does_not_keep_the_others_out(kb, dataset_id):
    files: dict[str, bytes | str] = {
        "good.md": "Some text.",
        "empty.md": b"",
        "packed.md": b"\x1f\x8b" + bytes(100),
        "../up.md": "Some text.",
    }
    result = upload(kb, dataset_id, files)
    assert [item.name for item in result.accepted] == ["good.md"]
    assert {item.name: item.code for item in result.rejected} == {
        "empty.md": "empty_file",
        "packed.md": "unsupported_media_type",
        "../up.md": "invalid_request",
    }
    assert all(item.detail for item in result.rejected)
    assert staging(kb) == []


def test_nothing_is_stored_if_every_file_is_refused(kb, dataset_id):
    result = upload(kb, dataset_id, {"empty.md": b""})
    assert (result.batch_id, result.accepted) == (None, ())
    assert stored(kb, dataset_id) == ()


def test_a_name_that_comes_twice_in_a_batch_is_one_document_with_the_later_bytes(kb, dataset_id):
    composed, decomposed = "caf\u00e9.md", "cafe\u0301.md"
    result = upload(kb, dataset_id, {composed: "First.", decomposed: "Second words."})
    finish(kb)
    (only,) = stored(kb, dataset_id)
    assert (only.name, only.status, only.live_version) == (composed, "ready", only.version)
    assert kb.originals.path(only.sha256).read_bytes() == b"Second words."
    assert len(kept_hashes(kb)) == 1
    batch = kb.database.reading(batches.get, ADMIN, result.batch_id)
    assert (batch.count("ready"), len(batch.documents)) == (1, 1)
    assert kb.fsck.run().is_clean


def test_the_same_file_uploaded_at_once_by_many_is_one_document(kb, dataset_id):
    results = []
    start = threading.Barrier(6)

    def send() -> None:
        start.wait(10)
        results.append(upload(kb, dataset_id, {"a.md": "Some text.", "b.md": "Some text."}))

    senders = [threading.Thread(target=send) for _ in range(6)]
    for thread in senders:
        thread.start()
    for thread in senders:
        thread.join()
    finish(kb)
    assert sorted(item.name for item in stored(kb, dataset_id)) == ["a.md", "b.md"]
    assert {item.version for item in stored(kb, dataset_id)} == {1}
    for result in results:
        assert kb.database.reading(batches.get, ADMIN, result.batch_id).count("ready") == 2
    assert kb.fsck.run().is_clean


def test_deleting_and_uploading_the_same_bytes_at_once_never_loses_an_original(kb, dataset_id):
    def churn(name: str) -> None:
        for _ in range(15):
            (item,) = upload(kb, dataset_id, {name: "The very same bytes."}).accepted
            kb.delete_document(ADMIN, item.id)
        upload(kb, dataset_id, {name: "The very same bytes."})

    workers = [threading.Thread(target=churn, args=(f"{n}.md",)) for n in range(4)]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join()
    finish(kb)
    assert {item.status for item in stored(kb, dataset_id)} == {"ready"}
    assert kb.fsck.run().violations == ()


def test_another_encoding_makes_a_new_version_of_the_same_bytes(kb, dataset_id):
    body = "Größe ist nicht alles.".encode("latin-1")
    (first,) = upload(kb, dataset_id, {"a.txt": body}, encoding="cp1251").accepted
    finish(kb)
    (same,) = upload(kb, dataset_id, {"a.txt": body}, encoding="cp1251").accepted
    assert (same.version, same.status) == (1, "ready")
    (other,) = upload(kb, dataset_id, {"a.txt": body}, encoding="latin-1").accepted
    assert (other.id, other.version, other.status) == (first.id, 2, "pending")
    finish(kb)
    assert document(kb, first.id).live_version == 2
    assert kb.fsck.run().is_clean


def test_a_failed_document_can_be_uploaded_again(kb, dataset_id):
    (doc,) = upload(kb, dataset_id, {"a.pdf": b"%PDF-1.4 broken"}).accepted
    finish(kb)
    assert document(kb, doc.id).status == "failed"
    (again,) = upload(kb, dataset_id, {"a.pdf": b"%PDF-1.4 broken"}).accepted
    assert (again.id, again.status, again.error) == (doc.id, "pending", None)


def test_a_failing_new_version_leaves_the_old_one_answering(kb, dataset_id):
    ids = ingest(kb, dataset_id, {"a.md": "Good old text."})
    upload(kb, dataset_id, {"a.md": "   \n  "})
    finish(kb)
    failed = document(kb, ids["a.md"])
    assert (failed.status, failed.version, failed.live_version) == ("failed", 2, 1)
    assert kb.fsck.run().is_clean


@pytest.mark.one_folder
def test_a_full_disk_keeps_everything_out_and_leaves_nothing_behind(kb, dataset_id):
    with kb.database.write() as tx:
        pages = tx.execute(text("PRAGMA page_count")).scalar_one()
        tx.execute(text(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(StorageFull):
        upload(kb, dataset_id, {f"{n}.md": f"Text {n}" for n in range(300)})
    with kb.database.write() as tx:
        tx.execute(text("PRAGMA max_page_count = 1000000"))
    assert stored(kb, dataset_id) == ()
    assert staging(kb) == []
    assert list(kb.originals.hashes()) == []


def test_a_dataset_of_another_embedder_takes_nothing(kb, dataset_id):
    with kb.database.write() as tx:
        tx.execute(text("UPDATE datasets SET embedder = 'other@1'"))
    with pytest.raises(EmbedderMismatch):
        upload(kb, dataset_id, {"a.md": "Some text."})
    assert staging(kb) == []


def test_an_absent_dataset_and_somebody_elses_take_nothing(kb, dataset_id):
    stranger = Scope(frozenset({"ingest"}), datasets=frozenset({"ds_mine"}))
    for scope, wanted in ((ADMIN, "ds_absent"), (stranger, dataset_id)):
        staged = kb.originals.stage([b"Some text."], max_bytes=100)
        with pytest.raises(NotFound):
            accept(kb, scope, wanted, [UploadedFile("a.md", staged)])
    assert staging(kb) == []


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("a.md", "a.md"),
        ("dir/./sub//a.md", "dir/sub/a.md"),
        ("dir\\a.md", "dir/a.md"),
        ("  a.md ", "a.md"),
        ("三国演义.txt", "三国演义.txt"),
        ("👩‍🚀 notes.md", "👩‍🚀 notes.md"),
        ("...", "..."),
        ("x" * 512, "x" * 512),
        (unicodedata.normalize("NFD", "über.md"), "über.md"),
    ],
)
def test_a_name_is_a_relative_path_in_one_form(name, kept):
    assert checked_name(name) == kept


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", ".", "/", "/etc/passwd", "../a", "a/../../b", "..\\a", "C:\\a", "C:/a"),
        *("a\0b", "a\nb", "a\x1bb", "\ud83d.md", "x" * 513, "x/" * 100_000),
        *("invoice\u202efdp.md", "a\u2066b.md", "a\u200fb.md", "a\u061cb.md"),
        *("a\u2028b.md", "a\u2029b.md", "a\x85b.md"),
    ],
)
def test_a_name_that_is_no_relative_path_is_refused(name):
    with pytest.raises(Rejected):
        checked_name(name)


def test_a_refused_name_can_be_sent_back_whatever_it_holds(kb, dataset_id):
    result = upload(kb, dataset_id, {"\ud83d.md": "x", "y" * 10_000: "x", "a\0": "x"})
    assert len(result.rejected) == 3
    for item in result.rejected:
        assert len(item.name.encode()) <= 4 * 512
        item.detail.encode()


def test_a_refused_name_is_shown_with_its_unprintable_characters_spelled_out(kb, dataset_id):
    (item,) = upload(kb, dataset_id, {"invoice\u202efdp.md": "x"}).rejected

    assert item.name == "invoice<U+202E>fdp.md"
    assert "U+202E" in item.detail


def test_a_file_over_the_limit_or_broken_off_leaves_nothing(tmp_path):
    originals = FolderOriginals(tmp_path)

    def broken():
        yield b"half"
        raise ConnectionResetError

    for source, error in (([b"12345", b"6"], TooLarge), (broken(), ConnectionResetError)):
        with pytest.raises(error):
            originals.stage(source, max_bytes=5)
    assert os.listdir(tmp_path / "staging" / "alone") == []
    assert originals.stage([b"123", b"45"], max_bytes=5).size_bytes == 5
    originals.sweep_staging(living=())
    assert os.listdir(tmp_path / "staging") == []
