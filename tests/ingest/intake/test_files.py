"""Stored files: bytes that are kept by themselves, and become documents of any dataset."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from sqlalchemy import update

from ingest.intake.files import attach, delete, delete_expired
from kb.errors import NotFound, QuotaExceeded
from kb.files.folder import DataFolder
from kb.knowledge_base import KnowledgeBase
from kb.opening.opening import open_kb
from kb.store.access import keys
from kb.store.access.keys import NewKey
from kb.store.content import documents
from kb.store.engine import schema
from kb.store.engine.paging import PageRequest
from kb.store.work import files, quotas
from kb.stored_files.keeping import keep
from kb.types import Document, Quota, Retrieval, Scope, StoredFile
from kb.upkeep.restoring import restore
from tests.parts import ADMIN, finish, kept_hashes, upload

MOON = "The moon rises over Ostrava at nine."


def kept(kb: KnowledgeBase, name: str, text: str, scope: Scope = ADMIN, **how) -> StoredFile:
    return keep(kb, scope, name, text.encode(), "assistants", how.get("expires"))


def put(kb: KnowledgeBase, dataset_id: str, *wanted: StoredFile) -> list[Document]:
    attach(kb, ADMIN, dataset_id, dict.fromkeys(file.id for file in wanted))
    finish(kb)
    return stored(kb, dataset_id)


def stored(kb: KnowledgeBase, dataset_id: str) -> list[Document]:
    return list(kb.database.reading(documents.page, ADMIN, dataset_id, PageRequest(500)).data)


def test_a_file_becomes_documents_that_rest_on_the_same_bytes(kb, dataset_id):
    file = kept(kb, "moon.md", MOON)
    other = kb.create_dataset(ADMIN, "other").id
    for place in (dataset_id, other):
        (document,) = put(kb, place, file)
        assert (document.name, document.status, document.file_id) == ("moon.md", "ready", file.id)
    assert kept_hashes(kb) == {file.sha256}

    kb.delete_document(ADMIN, stored(kb, dataset_id)[0].id)
    kb.delete_dataset(ADMIN, other)
    assert kb.originals.path(file.sha256).read_text() == MOON
    assert kb.erasing.run().pending == 0
    assert kb.fsck.run().is_clean


def test_files_of_one_name_stay_apart_and_one_file_stays_one_document(kb, dataset_id):
    upload(kb, dataset_id, {"moon.md": "An upload of its own."})
    one, two = kept(kb, "moon.md", MOON), kept(kb, "moon.md", "The moon sets at four.")
    put(kb, dataset_id, one, two)
    found = put(kb, dataset_id, two, one)

    assert {each.file_id: each.name for each in found} == {
        None: "moon.md",
        one.id: f"moon ({one.id}).md",
        two.id: f"moon ({two.id}).md",
    }
    assert {each.version for each in found} == {1}


def test_a_file_that_nothing_reads_fails_by_name_and_can_be_added_again(kb, dataset_id):
    program, archive = kept(kb, "a.exe", "MZ\0\0\0"), kept(kb, "a.zip", "PK\x03\x04 and more")
    for _ in range(2):
        found = put(kb, dataset_id, program, archive)
        assert [each.status for each in found] == ["failed", "failed"]
        assert {each.error.code for each in found if each.error} == {"unsupported_media_type"}


def test_deleting_a_file_takes_its_documents_and_bytes_with_it(kb, dataset_id):
    file = kept(kb, "moon.md", MOON)
    (document,) = put(kb, dataset_id, file)
    delete(kb, ADMIN, file.id)

    assert stored(kb, dataset_id) == []
    assert kept_hashes(kb) == set()
    assert kb.erasing.run().pending == 0
    assert kb.erasing.receipt(ADMIN, document.id).erased_at
    with pytest.raises(NotFound):
        attach(kb, ADMIN, dataset_id, {file.id: None})


def test_a_file_whose_time_is_over_is_gone_at_once_and_deleted_by_the_upkeep(kb, dataset_id):
    file = kept(kb, "moon.md", MOON, expires=time.time() + 3600)
    put(kb, dataset_id, file)
    delete_expired(kb)
    assert kb.database.reading(files.get, ADMIN, file.id) == file

    with kb.database.write() as tx:
        tx.execute(update(schema.files).values(expires=time.time() - 1))
    with pytest.raises(NotFound):
        kb.database.reading(files.get, ADMIN, file.id)
    delete_expired(kb)
    assert (stored(kb, dataset_id), kept_hashes(kb)) == ([], set())


def test_a_dataset_that_expires_is_deleted_unless_it_is_searched(kb, dataset_id):
    used = kb.create_dataset(ADMIN, "used").id
    old = {"expires_after_days": 1, "active_at": "2020-01-01T00:00:00.000Z"}
    with kb.database.write() as tx:
        tx.execute(update(schema.datasets).values(**old))
    kb.searcher.search(ADMIN, [used], "anything", Retrieval())
    delete_expired(kb)
    assert [each.id for each in kb.fsck.datasets()] == [used]


def test_another_key_s_file_does_not_exist(kb, dataset_id):
    mine, theirs = (
        Scope(frozenset({"ingest", "search"}), frozenset({dataset_id}), key_id=name)
        for name in ("mine", "theirs")
    )
    file = kept(kb, "moon.md", MOON, mine)
    for refused in (
        lambda: kb.database.reading(files.get, theirs, file.id),
        lambda: attach(kb, theirs, dataset_id, {file.id: None}),
        lambda: delete(kb, theirs, file.id),
    ):
        with pytest.raises(NotFound):
            refused()
    page = kb.database.reading(files.page, theirs, PageRequest(), purpose=None, newest_first=True)
    assert page.data == ()
    assert kb.database.reading(files.get, ADMIN, file.id) == file


def test_a_key_s_quota_counts_its_files_once(kb, dataset_id):
    new = NewKey("dataset", dataset_ids=(dataset_id,), quota=Quota(size_bytes=50))
    key, _ = kb.database.writing(keys.create, ADMIN, kb.secrets, new)
    scope = keys.scope_of(key)
    file = kept(kb, "moon.md", MOON, scope)
    attach(kb, scope, dataset_id, {file.id: None})
    assert kb.database.reading(quotas.used, "key", key.id).size_bytes == len(MOON)
    assert kb.database.reading(quotas.used, "dataset", dataset_id).size_bytes == len(MOON)
    with pytest.raises(QuotaExceeded):
        kept(kb, "more.md", "More than there is room for.", scope)
    assert kept_hashes(kb) == {file.sha256}


@pytest.mark.one_folder
def test_a_backup_holds_files_that_are_no_document(kb, tmp_path: Path):
    file = kept(kb, "moon.md", MOON)
    tar = tmp_path / "kept.tar"
    backup = kb.backup()
    tar.write_bytes(b"".join(backup.pieces()))
    backup.close()
    restore(tar, DataFolder(tmp_path / "restored"))
    settings = kb.settings.model_copy(update={"data_dir": tmp_path / "restored"})
    again = open_kb(settings)
    try:
        assert again.database.reading(files.get, ADMIN, file.id) == file
        assert again.originals.path(file.sha256).read_text() == MOON
        assert again.fsck.run(repair=True).is_clean
        assert list(again.originals.lost()) == []
    finally:
        again.close()
