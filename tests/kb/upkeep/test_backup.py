"""A backup is made beside a working server, and what is restored from it answers the same."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from kb.errors import Conflict, Rejected
from kb.files.folder import DataFolder
from kb.types import Scope
from kb.upkeep.backup import Backup
from kb.upkeep.restoring import check, restore
from tests.parts import ingest
from tests.server import ROOT, environment, running_server, wait_for_batch

FILES = {
    "rivers.md": "# Rivers\n\nThe river Orla is nine hundred kilometres long.\n",
    "towns/tarn.txt": "The town of Tarn has forty bridges and no tower.\n",
    "towns/veil.txt": "Veil was founded in the year 1312 by three sisters.\n",
}
pytestmark = pytest.mark.one_folder  # a cluster's servers have tools of their own

QUESTIONS = ("How long is the river Orla?", "How many bridges has Tarn?", "Who founded Veil?")


def kb_command(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli", *arguments]
    return subprocess.run(
        command, env=environment(data), cwd=ROOT, capture_output=True, text=True, timeout=120
    )


def fill(http: httpx.Client) -> str:
    dataset_id: str = http.post("/v1/datasets", json={"name": "places"}).json()["id"]
    upload(http, dataset_id, FILES)
    http.post("/v1/apps", json={"slug": "guide", "name": "Guide"}).raise_for_status()
    draft = {"prompt": "Answer from this:\n{{context}}", "dataset_ids": [dataset_id]}
    http.put("/v1/apps/guide/draft", json=draft).raise_for_status()
    http.post("/v1/apps/guide/publish").raise_for_status()
    return dataset_id


def upload(http: httpx.Client, dataset_id: str, files: dict[str, str]) -> None:
    parts = [("files", (name, text.encode())) for name, text in files.items()]
    answer = http.post(f"/v1/datasets/{dataset_id}/documents", files=parts).raise_for_status()
    assert wait_for_batch(http, answer.json()["batch_id"])["ready"] == len(files)


def answers(http: httpx.Client) -> list[tuple[str, list[dict[str, Any]]]]:
    found = []
    for question in QUESTIONS:
        body = {"query": question, "stream": False}
        answer = http.post("/v1/apps/guide/chat", json=body).raise_for_status().json()
        assert answer["citations"], answer
        found.append((answer["answer"], answer["citations"]))
    return found


def test_a_restored_backup_gives_the_same_answers_with_the_same_citations(tmp_path: Path):
    tar, restored = tmp_path / "kept.tar", tmp_path / "restored"
    with running_server(tmp_path / "data") as server:
        dataset_id = fill(server.http)
        before = answers(server.http)
        key = server.http.post("/v1/keys", json={"kind": "app", "app": "guide"}).json()["key"]
        done = kb_command(tmp_path / "data", "backup", str(tar), "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["originals"] == len(FILES)
        # What comes later is not in it.
        upload(server.http, dataset_id, {"late.md": "Too late for the backup."})
    assert kb_command(restored, "restore", str(tar), "--data-dir", str(restored)).returncode == 0
    with running_server(restored) as server:
        assert answers(server.http) == before
        assert server.http.post("/v1/fsck").json()["clean"]
        listed = server.http.get(f"/v1/datasets/{dataset_id}/documents").json()["data"]
        assert {item["name"] for item in listed} == set(FILES)
        with httpx.Client(base_url=server.url, headers={"authorization": f"Bearer {key}"}) as own:
            assert own.get("/v1/apps/guide").status_code == 200


def test_a_restored_folder_passes_the_check_at_once_and_answers(tmp_path: Path, kb):
    ingest(kb, kb.create_dataset(Scope.admin(), "d").id, FILES)
    file = tmp_path / "backup.tar"
    backup = kb.backup()
    file.write_bytes(b"".join(backup.pieces()))
    backup.close()
    data = tmp_path / "restored"

    assert kb_command(data, "restore", str(file)).returncode == 0
    checked = kb_command(data, "fsck", "--json")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    report = json.loads(checked.stdout)
    assert (report["clean"], report["documents"]) == (True, len(FILES))


def test_a_backup_holds_what_was_there_when_it_began_though_it_is_deleted_meanwhile(
    tmp_path: Path, kb
):
    admin = Scope.admin()
    dataset = kb.create_dataset(admin, "d")
    documents = ingest(kb, dataset.id, FILES)
    backup = kb.backup()
    pieces = backup.pieces()
    received = [next(pieces)]
    for document_id in documents.values():
        kb.delete_document(admin, document_id)
    assert kb.fsck.run().is_clean
    received += pieces
    backup.close()
    assert list(kb.originals.hashes()) == []
    assert kb.fsck.run().is_clean
    (tmp_path / "a.tar").write_bytes(b"".join(received))
    assert check(tmp_path / "a.tar").originals == len(FILES)


def test_an_original_that_comes_again_during_a_backup_is_kept(kb):
    dataset = kb.create_dataset(Scope.admin(), "d")
    before = ingest(kb, dataset.id, {"a.md": "The same bytes."})
    backup = kb.backup()
    kb.delete_document(Scope.admin(), before["a.md"])
    ingest(kb, dataset.id, {"b.md": "The same bytes."})
    backup.close()
    assert kb.fsck.run().is_clean


def a_backup(kb) -> bytes:
    ingest(kb, kb.create_dataset(Scope.admin(), "d").id, FILES)
    backup: Backup = kb.backup()
    try:
        return b"".join(backup.pieces())
    finally:
        backup.close()


def test_a_backup_that_is_cut_or_changed_anywhere_is_refused_and_leaves_no_folder(
    tmp_path: Path, kb
):
    whole = a_backup(kb)
    size = len(whole)
    bad = [whole[:length] for length in (0, 100, 700, size // 2, size - 1100)]
    middle = size // 2
    bad.append(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    for number, content in enumerate(bad):
        (tmp_path / "bad.tar").write_bytes(content)
        with pytest.raises(Rejected):
            restore(tmp_path / "bad.tar", DataFolder(tmp_path / f"new{number}"))
        new = tmp_path / f"new{number}"
        assert not new.exists()


def test_a_backup_with_a_member_that_would_climb_out_is_refused(tmp_path: Path, kb):
    path = tmp_path / "evil.tar"
    path.write_bytes(a_backup(kb))
    with tarfile.open(path, "a") as tar:
        tar.add(Path(__file__), "originals/../../climbed")
    with pytest.raises(Rejected):
        restore(path, DataFolder(tmp_path / "new"))
    assert not list(tmp_path.rglob("climbed"))


def test_a_folder_that_holds_something_is_not_restored_into(tmp_path: Path, kb):
    (tmp_path / "a.tar").write_bytes(a_backup(kb))
    with pytest.raises(Conflict):
        restore(tmp_path / "a.tar", DataFolder(kb.settings.data_dir))
    with pytest.raises(Rejected):
        restore(tmp_path / "missing.tar", DataFolder(tmp_path / "new"))


def test_a_client_that_leaves_in_the_middle_of_a_backup_leaves_nothing_behind(tmp_path: Path):
    with running_server(tmp_path / "data") as server:
        fill(server.http)
        with server.http.stream("POST", "/v1/backup") as answer:
            next(answer.iter_raw(10))
        staging = tmp_path / "data" / "originals" / "staging"
        deadline = time.monotonic() + 30
        while list(staging.glob("*/*")) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert list(staging.glob("*/*")) == []
        assert server.http.post("/v1/fsck").json()["clean"]


def test_rows_and_models_of_training_jobs_come_along_and_nothing_else_of_them(tmp_path: Path, kb):
    job = kb.folder.tuning / f"ftjob_{'0a' * 14}"
    (job / "model" / "adapter").mkdir(parents=True)
    (job / "checkpoints").mkdir()
    written = {"train.jsonl": "{}", "model/a.safetensors": "weights", "model/adapter/b": "more"}
    others = {"checkpoints/c": "c", "events.jsonl": "e", "../bases": "b"}
    for name, text in {**written, **others}.items():
        (job / name).write_text(text)
    backup = Backup(kb.database, kb.folder, kb.originals, kb.collect_originals)
    shutil.rmtree(job)  # it is deleted meanwhile
    (tmp_path / "b.tar").write_bytes(b"".join(backup.pieces()))
    backup.close()

    restore(tmp_path / "b.tar", DataFolder(tmp_path / "new"))
    found = tmp_path / "new" / "tuning"
    named = (path.relative_to(found / job.name) for path in found.rglob("*.*") if path.is_file())
    files = {path.as_posix() for path in named}
    assert {path: (found / job.name / path).read_text() for path in written} == written
    assert files == {"train.jsonl", "model/a.safetensors"}
    assert not list((kb.folder.originals / "staging").glob("*/*.tuning"))
