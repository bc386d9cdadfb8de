"""Uploads into a knowledge base whose originals lie in a bucket, while its store comes and goes."""

from __future__ import annotations

import io
import threading
import time
import zipfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.intake.resumable import ResumableUploads
from ingest.work import claims
from kb.errors import Conflict
from kb.files.folder import DataFolder
from kb.files.originals import Sent, Staged
from kb.files.s3.originals import BucketOriginals
from kb.files.s3.partial_files import BucketPartialFiles
from kb.files.s3.removing import Removing
from kb.opening import opening
from kb.opening.kit import Kit
from kb.opening.local import local_kit
from kb.settings import EmbeddingSettings, Settings
from kb.settings_cluster import DatabaseSettings
from kb.store.content import documents
from kb.threads import STORE_THREADS
from tests.api.serving import Served, serving
from tests.api.uploads.tus_client import begin, offset, send
from tests.parts import ADMIN, PATIENCE_S, upload, working
from tests.s3_server import S3Server
from tests.server import wait_for_batch


@pytest.fixture(scope="module", autouse=True)
def _in_a_bucket(s3: S3Server) -> Iterator[None]:
    """Whatever is opened here keeps its originals in a bucket, and its rows in its folder."""

    def kit(settings: Settings, folder: DataFolder) -> Kit:
        made, bucket = local_kit(settings, folder), s3.bucket()
        root, owner = folder.root / "copies", made.owner.id
        originals = BucketOriginals(bucket, made.database, root, owner, cache_bytes=1 << 30)
        files = BucketPartialFiles(bucket, originals)
        return replace(made, originals=originals, partial_files=files)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "local_kit", kit)
        yield


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, _in_a_bucket: None) -> Iterator[Served]:
    data_dir = tmp_path_factory.mktemp("served") / "data"
    with serving(data_dir, database=DatabaseSettings()) as running:
        yield running


def originals_of(served: Served) -> BucketOriginals:
    assert isinstance(served.kb.originals, BucketOriginals)
    return served.kb.originals


def test_a_document_comes_goes_and_is_erased(served: Served):
    dataset_id = served.new_dataset("one")
    (document_id,) = served.upload(dataset_id, {"moon.md": "The moon is near."}).values()
    assert served.http.get(f"/v1/documents/{document_id}/original").text == "The moon is near."
    (sha256,) = (each.name for each in originals_of(served)._bucket.objects("originals"))

    served.http.delete(f"/v1/documents/{document_id}").raise_for_status()
    Removing(served.kb.database, originals_of(served)).settle()
    assert not originals_of(served).has(sha256)


def test_an_archive_becomes_documents(served: Served):
    dataset_id = served.new_dataset("archive")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(20):
            archive.writestr(f"{number}.md", f"Text number {number}.")
    files = {"files": ("all.zip", packed.getvalue())}
    answer = served.http.post(f"/v1/datasets/{dataset_id}/documents", files=files)
    batch = wait_for_batch(served.http, answer.json()["batch_id"])

    assert batch["ready"] == 20, batch


def test_a_resumable_upload_arrives(served: Served):
    dataset_id, data = served.new_dataset("tus"), b"words\n" * 500_000
    place = begin(served, dataset_id, len(data)).headers["location"]
    send(served, place, 0, data[:1_500_000])
    assert offset(served, place) == 1_500_000
    arrived = send(served, place, 1_500_000, data[1_500_000:])

    document_id = arrived.headers["x-document-id"]
    assert served.http.get(f"/v1/documents/{document_id}/original").content == data


def test_an_upload_that_two_processes_finish_is_one_document(served: Served):
    dataset_id = served.new_dataset("twice")
    place = begin(served, dataset_id, 4).headers["location"]
    resumable = ResumableUploads(served.kb)
    resumable.files.append(place.rpartition("/")[2], b"text", at=0)
    found = resumable.get(ADMIN, place.rpartition("/")[2])
    resumable.finish(found)
    with pytest.raises(Conflict, match="HEAD"):
        resumable.finish(found)
    resumable.files.append(found.id, b"text", at=0)
    with pytest.raises(Conflict, match="another request"):
        resumable.finish(found)

    assert sum(served.http.get(f"/v1/datasets/{dataset_id}").json()["documents"].values()) == 1


def test_a_damaged_piece_is_refused_and_comes_again(served: Served):
    dataset_id = served.new_dataset("damaged")
    place = begin(served, dataset_id, 4).headers["location"]
    checksum = "sha1 " + "A" * 27 + "="
    refused = send(served, place, 0, b"text", **{"upload-checksum": checksum})
    assert (refused.status_code, offset(served, place)) == (460, 0)

    assert send(served, place, 0, b"text").headers["x-document-id"]


def test_uploads_are_refused_while_the_store_is_away_and_can_come_again(
    served: Served, s3: S3Server
):
    dataset_id = served.new_dataset("away")
    to, files = f"/v1/datasets/{dataset_id}/documents", {"files": ("a.md", b"It waited.")}
    place = begin(served, dataset_id, 4, "b.md").headers["location"]
    s3.kill()
    try:
        refused = served.http.post(to, files=files), send(served, place, 0, b"text")
        for answer in refused:
            assert answer.status_code == 503, answer.text
            assert answer.json()["code"] == "storage_unavailable"
            assert answer.headers["retry-after"]
    finally:
        s3.start()

    batch = wait_for_batch(served.http, served.http.post(to, files=files).json()["batch_id"])
    assert batch["ready"] == 1
    assert send(served, place, 0, b"text").headers["x-document-id"]


def test_who_asks_does_not_wait_behind_uploads_that_wait_for_the_store(
    served: Served, monkeypatch: pytest.MonkeyPatch
):
    dataset_id = served.new_dataset("behind")
    to, many = f"/v1/datasets/{dataset_id}/documents", STORE_THREADS
    arrived, answers = threading.Semaphore(0), threading.Event()
    send_away = BucketOriginals.send

    def silent(self: BucketOriginals, staged: Iterable[Staged]) -> Sent:
        arrived.release()
        answers.wait(PATIENCE_S)
        return send_away(self, staged)

    monkeypatch.setattr(BucketOriginals, "send", silent)

    def upload_one(number: int) -> int:
        files = {"files": (f"{number}.md", f"Text {number}.".encode())}
        return served.http.post(to, files=files).status_code

    with ThreadPoolExecutor(many) as pool:
        uploads = [pool.submit(upload_one, number) for number in range(many)]
        for _ in range(many):
            assert arrived.acquire(timeout=PATIENCE_S)
        asked = served.http.get("/v1/datasets")
        assert not any(each.done() for each in uploads)
        answers.set()
        assert {each.result() for each in uploads} == {202}
    assert asked.status_code == 200


def test_a_backup_of_a_folder_is_refused_with_what_to_do(served: Served):
    answer = served.http.post("/v1/backup")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert "pg_dump" in answer.json()["detail"]


def test_a_dataset_with_an_unfinished_upload_can_be_deleted_while_the_store_is_away(
    served: Served, s3: S3Server
):
    dataset_id = served.new_dataset("unfinished")
    place = begin(served, dataset_id, 4).headers["location"]
    send(served, place, 0, b"te")
    s3.kill()
    try:
        assert served.http.delete(f"/v1/datasets/{dataset_id}").status_code == 204
    finally:
        s3.start()
    files = served.kb.partial_files
    upload_id = place.rpartition("/")[2]
    assert upload_id in files.ids()
    ResumableUploads(served.kb).sweep()
    assert upload_id not in files.ids()


def test_indexing_waits_for_a_store_that_is_away(
    tmp_path: Path,
    s3: S3Server,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    monkeypatch.setattr(claims, "FULL_DISK_PAUSE_S", 0.1)
    hashing = EmbeddingSettings(model="hash")
    own = Settings(data_dir=tmp_path / "data", embedding=hashing, database=DatabaseSettings())
    kb = opening.open_kb(own)
    try:
        dataset_id = kb.create_dataset(ADMIN, "waiting").id
        (document,) = upload(kb, dataset_id, {"a.md": "It waited."}).accepted
        assert isinstance(kb.originals, BucketOriginals)
        kb.originals.cache.remove(document.sha256)  # as on another machine
        s3.kill()
        with working(kb) as worker:
            deadline = time.monotonic() + PATIENCE_S
            while "indexing goes on when this is over" not in caplog.text:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            s3.start()
            assert worker.wait_idle(PATIENCE_S)
        assert kb.database.reading(documents.get, ADMIN, document.id).status == "ready"
    finally:
        kb.close()
