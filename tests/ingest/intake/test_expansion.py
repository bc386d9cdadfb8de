"""Archives become documents of the same batch: each member once, none lost, whatever happens."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest
from sqlalchemy import text

from ingest.intake import expansion
from ingest.intake.expansion import expand
from ingest.work.archive_worker import ArchiveWorker
from kb.knowledge_base import KnowledgeBase
from kb.store.content import documents
from kb.store.engine.paging import PageRequest
from kb.store.work import batch_control, batches, jobs
from kb.types import Document
from tests.ingest.readers.office_samples import docx, paragraph, zipped
from tests.parts import ADMIN, crash, document, finish, ingest, kept_hashes, upload


def everything(kb: KnowledgeBase, dataset_id: str) -> dict[str, Document]:
    page = kb.database.reading(documents.page, ADMIN, dataset_id, PageRequest(500))
    return {item.name: item for item in page.data}


def statuses(kb: KnowledgeBase, dataset_id: str) -> dict[str, str]:
    found = everything(kb, dataset_id)
    return {name: item.error.code if item.error else item.status for name, item in found.items()}


def batch(kb: KnowledgeBase, batch_id: str | None) -> batches.Batch:
    assert batch_id is not None
    return kb.database.reading(batches.get, ADMIN, batch_id)


def many(number: int) -> dict[str, str | bytes]:
    return {f"dir/{n:03}.md": f"Text number{n} of the archive." for n in range(number)}


def test_members_become_documents_of_the_batch_and_the_archive_is_gone(kb, dataset_id):
    files = {"a.md": "Alpha.", "dir/sub/b.txt": "Beta.", "三国演义/第一回.txt": "话说天下大势。"}
    result = upload(kb, dataset_id, {"books/all.zip": zipped(files), "c.md": "Gamma."})
    assert [item.status for item in result.accepted] == ["pending", "pending"]
    assert result.accepted[0].media_type == "application/zip"
    finish(kb)

    found = everything(kb, dataset_id)
    assert set(found) == {f"books/{name}" for name in files} | {"c.md"}
    assert {item.status for item in found.values()} == {"ready"}
    assert {item.batch_id for item in found.values()} == {result.batch_id}
    state = batch(kb, result.batch_id)
    assert (state.total, state.count("ready"), state.is_completed) == (4, 4, True)
    assert kept_hashes(kb) == {item.sha256 for item in found.values()}
    assert kb.fsck.run().is_clean


def test_unprintable_characters_in_names_of_members_are_spelled_out(kb, dataset_id):
    files = {"invoice\u202efdp.md": "Alpha.", "two\u2028lines.md": "Beta."}
    upload(kb, dataset_id, {"all.zip": zipped(files)})
    finish(kb)

    assert statuses(kb, dataset_id) == {
        "invoice<U+202E>fdp.md": "ready",
        "two<U+2028>lines.md": "ready",
    }


def test_what_cannot_be_a_document_is_listed_as_failed_with_its_reason(kb, dataset_id):
    files = {
        "good.md": "Good.",
        "program.bin": b"\x7fELF\x02\x01\x01\x00",
        "empty.txt": b"",
        "inner.zip": zipped({"x.md": "X."}),
        "disguised.md": zipped({"y.md": "Y."}),
        "report.docx": docx(paragraph("Words in a document.")),
    }
    result = upload(kb, dataset_id, {"all.zip": zipped(files)})
    finish(kb)

    assert statuses(kb, dataset_id) == {
        "good.md": "ready",
        "program.bin": "unsupported_media_type",
        "empty.txt": "empty_file",
        "inner.zip": "archive_nested",
        "disguised.md": "archive_nested",
        "report.docx": "ready",
    }
    state = batch(kb, result.batch_id)
    assert (state.total, state.count("ready"), state.count("failed")) == (6, 2, 4)
    failed = everything(kb, dataset_id)["program.bin"]
    assert failed.sha256 == ""
    assert kb.database.writing(batch_control.retry, ADMIN, result.batch_id) == 0
    assert kb.fsck.run().is_clean


def test_a_link_and_a_file_of_unusual_compression_fail_alone(kb, dataset_id):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("good.md", "Good.")
        archive.writestr("packed.md", "Packed.", zipfile.ZIP_BZIP2)
        link = zipfile.ZipInfo("link.md")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "good.md")
    upload(kb, dataset_id, {"all.zip": target.getvalue()})
    finish(kb)

    assert statuses(kb, dataset_id) == {
        "good.md": "ready",
        "packed.md": "archive_method",
        "link.md": "archive_link",
    }


def test_hidden_files_are_left_out_and_counted(kb, dataset_id):
    files = {
        "a.md": "Alpha.",
        "__MACOSX/._a.md": "x",
        ".DS_Store": "x",
        ".git/config": "x",
        "folder/": "",
    }
    result = upload(kb, dataset_id, {"all.zip": zipped(files)})
    finish(kb)

    assert statuses(kb, dataset_id) == {"a.md": "ready"}
    assert batch(kb, result.batch_id).skipped == 3


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (zipped({"a.md": "Alpha."})[:-30], "archive_damaged"),
        (zipped({".hidden": "x"}), "archive_empty"),
        (zipped({"../a.md": "x"}), "archive_unsafe_name"),
    ],
)
def test_a_broken_archive_stays_as_a_failed_document(kb, dataset_id, content, code):
    result = upload(kb, dataset_id, {"all.zip": content})
    finish(kb)

    assert statuses(kb, dataset_id) == {"all.zip": code}
    assert batch(kb, result.batch_id).count("failed") == 1
    again = upload(kb, dataset_id, {"all.zip": zipped({"a.md": "Alpha."})})
    finish(kb)
    assert statuses(kb, dataset_id) == {"a.md": "ready"}
    assert batch(kb, again.batch_id).count("ready") == 1
    assert kb.fsck.run().is_clean


def test_a_damaged_member_fails_alone(kb, dataset_id):
    content = bytearray(zipped({"a.md": "Alpha " * 50, "b.md": "Beta."}, stored=["a.md"]))
    start = content.index(b"Alpha")
    content[start] ^= 1
    upload(kb, dataset_id, {"all.zip": bytes(content)})
    finish(kb)

    assert statuses(kb, dataset_id) == {"a.md": "archive_damaged", "b.md": "ready"}
    assert list(kb.originals._staging.iterdir()) == []


def test_a_member_larger_than_a_file_may_be_fails_alone(kb, dataset_id):
    limits = kb.settings.ingest.model_copy(update={"max_file_bytes": 10})
    object.__setattr__(kb, "settings", kb.settings.model_copy(update={"ingest": limits}))
    upload(kb, dataset_id, {"all.zip": zipped({"a.md": "x" * 11, "b.md": "Beta."})})
    finish(kb)
    assert statuses(kb, dataset_id) == {"a.md": "too_large", "b.md": "ready"}


def test_expansion_broken_off_at_any_group_goes_on_behind_it(kb, dataset_id, monkeypatch):
    monkeypatch.setattr(expansion, "GROUP_FILES", 7)
    result = upload(kb, dataset_id, {"all.zip": zipped(many(40))})
    starts = 0
    while jobs_left := kb.database.writing(jobs.claim, kb.owner.id, "expand"):
        groups = iter([False] * 9)  # one look per member and one per group: it stops in the second
        expand(
            kb,
            jobs_left[0],
            is_stopping=lambda groups=groups: next(groups, True),
        )
        starts += 1
        crash(kb)  # as after a crash
    assert starts == 6

    found = everything(kb, dataset_id)
    assert set(found) == set(many(40))
    assert {(item.version, item.status) for item in found.values()} == {(1, "pending")}
    assert batch(kb, result.batch_id).total == 40
    with kb.database.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM queue")).scalar_one() == 40
    finish(kb)
    assert set(statuses(kb, dataset_id).values()) == {"ready"}
    assert kb.fsck.run().is_clean


def test_a_lost_claim_stores_nothing_more(kb, dataset_id):
    upload(kb, dataset_id, {"all.zip": zipped(many(5))})
    (stale,) = kb.database.writing(jobs.claim, kb.owner.id, "expand")
    crash(kb)
    (fresh,) = kb.database.writing(jobs.claim, kb.owner.id, "expand")

    expand(kb, stale, is_stopping=lambda: False)
    assert set(everything(kb, dataset_id)) == {"all.zip"}
    expand(kb, fresh, is_stopping=lambda: False)
    assert set(everything(kb, dataset_id)) == set(many(5))


def test_an_archive_that_stops_the_process_again_and_again_is_given_up(kb, dataset_id):
    upload(kb, dataset_id, {"all.zip": zipped(many(2))})
    with kb.database.write() as tx:
        tx.execute(text("UPDATE queue SET attempts = 3"))
    ArchiveWorker(kb)._round()
    assert statuses(kb, dataset_id) == {"all.zip": "crashed_repeatedly"}


def test_two_archives_of_one_name_are_both_expanded(kb, dataset_id):
    one = upload(kb, dataset_id, {"all.zip": zipped({"a.md": "Alpha."})})
    two = upload(kb, dataset_id, {"all.zip": zipped({"b.md": "Beta."})})
    same = upload(kb, dataset_id, {"all.zip": zipped({"b.md": "Beta."})})
    assert [r.accepted[0].name for r in (one, two, same)] == [
        "all.zip",
        "all (2).zip",
        "all (3).zip",
    ]
    finish(kb)

    assert statuses(kb, dataset_id) == {"a.md": "ready", "b.md": "ready"}
    assert {doc.version for doc in everything(kb, dataset_id).values()} == {1}
    for result in (one, two, same):
        assert (batch(kb, result.batch_id).total, batch(kb, result.batch_id).count("ready")) == (
            1,
            1,
        )
    assert kb.fsck.run().is_clean


def test_members_meet_documents_as_uploads_do(kb, dataset_id):
    ids = ingest(kb, dataset_id, {"a.md": "Old alpha.", "b.md": "Beta."})
    archive = zipped({"a.md": "New alpha.", "b.md": "Beta.", "c.md": "Gamma."})

    upload(kb, dataset_id, {"all.zip": archive}, mode="skip", metadata={"from": "zip"})
    finish(kb)
    found = everything(kb, dataset_id)
    assert {name: doc.version for name, doc in found.items()} == {"a.md": 1, "b.md": 1, "c.md": 1}
    assert found["c.md"].metadata == {"from": "zip"}

    upload(kb, dataset_id, {"all.zip": archive})
    finish(kb)
    assert document(kb, ids["a.md"]).live_version == 2
    assert document(kb, ids["b.md"]).version == 1
    assert len(kept_hashes(kb)) == 3
    assert kb.fsck.run().is_clean


def test_an_archive_deleted_before_it_is_expanded_leaves_nothing(kb, dataset_id):
    result = upload(kb, dataset_id, {"all.zip": zipped(many(3))})
    kb.delete_document(ADMIN, result.accepted[0].id)
    finish(kb)
    assert everything(kb, dataset_id) == {}
    assert batch(kb, result.batch_id).is_completed
    assert kept_hashes(kb) == set()


def test_a_zip_bomb_is_refused_before_it_is_unpacked(kb, dataset_id):
    content = bytearray(zipped({"bomb.txt": b"\0" * 1000}))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = content.index(signature) + offset
        content[at : at + 4] = struct.pack("<I", 600 * 1024 * 1024)
    upload(kb, dataset_id, {"all.zip": bytes(content)})
    finish(kb)
    assert statuses(kb, dataset_id) == {"all.zip": "archive_too_large"}
