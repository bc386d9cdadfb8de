"""A full disk: uploads are refused, questions are answered, and work goes on when there is room."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.server import answer_of, ask, environment, running_server, wait_for_batch

DISK_MIB = 64
QUESTION = "When does the harbour of Ness freeze?"
TEXT = "The harbour of Ness freezes in March. " + " ".join(f"word{n}" for n in range(300))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, so that only this test runs out of room."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not allow mounting")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(path: Path, *, leave_mib: int = 0) -> None:
    """Take all that is left of the disk, but for so many MiB."""
    with path.open("ab", buffering=0) as file:
        size = 1 << 20
        while size and shutil.disk_usage(path.parent).free > leave_mib << 20:
            try:
                file.write(bytes(size))
            except OSError:
                size //= 2


def upload(http: httpx.Client, dataset_id: str, name: str, text: str) -> httpx.Response:
    return http.post(f"/v1/datasets/{dataset_id}/documents", files=[("files", (name, text))])


@pytest.mark.slow
def test_a_first_start_on_a_full_disk_says_so_in_one_line(small_disk: Path):
    fill(small_disk / "ballast")
    command = [sys.executable, "-m", "cli", "serve", "--port", "0"]
    settings = environment(small_disk / "data")
    done = subprocess.run(command, env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("kb: The disk that holds the data folder is full.")
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_full_disk_refuses_uploads_answers_questions_and_loses_nothing(small_disk: Path):
    ballast = small_disk / "ballast"
    with running_server(small_disk / "data") as server, server.http as http:
        dataset_id = http.post("/v1/datasets", json={"name": "d"}).json()["id"]
        answer = upload(http, dataset_id, "ness.txt", TEXT)
        assert wait_for_batch(http, answer.json()["batch_id"])["ready"] == 1
        http.post("/v1/apps", json={"slug": "a", "name": "a"}).raise_for_status()
        draft = {"prompt": "Answer from this:\n{{context}}", "dataset_ids": [dataset_id]}
        http.put("/v1/apps/a/draft", json=draft).raise_for_status()
        http.post("/v1/apps/a/publish").raise_for_status()

        accepted = []
        for number in range(40):  # some are still to be indexed when the disk is full
            answer = upload(http, dataset_id, f"{number}.txt", f"Marker{number} stands. {TEXT}")
            accepted.append(answer.json()["batch_id"])
        fill(ballast, leave_mib=16)
        refused = upload(http, dataset_id, "late.txt", "late")
        assert (refused.status_code, refused.json()["code"]) == (507, "storage_full")
        said = http.post("/v1/apps/a/chat", json={"query": QUESTION, "stream": False}).json()
        assert "March" in said["answer"], said
        kept = http.get(f"/v1/conversations/{said['conversation_id']}/messages").json()["data"]
        assert [message["id"] for message in kept] == [said["message_id"]]

        fill(ballast)
        refused = upload(http, dataset_id, "late.txt", "late " * 100_000)
        assert refused.status_code == 507, refused.text
        assert refused.json()["code"] == "storage_full"
        assert "space" in refused.json()["detail"]
        found = http.post(f"/v1/datasets/{dataset_id}/search", json={"query": QUESTION})
        assert found.status_code == 200, found.text
        assert found.json()["hits"]
        events = ask(http, "a", QUESTION)  # said, though perhaps it could not be stored
        assert "March" in answer_of(events), events
        assert http.get("/readyz").status_code == 200

        ballast.unlink()
        for batch_id in accepted:
            batch = wait_for_batch(http, batch_id)
            assert batch["ready"] == 1, batch
        late = upload(http, dataset_id, "late.txt", "The late one.")
        assert wait_for_batch(http, late.json()["batch_id"])["ready"] == 1
        deadline = time.monotonic() + 60
        while not (report := http.post("/v1/fsck").json())["clean"]:
            assert time.monotonic() < deadline, report
            time.sleep(0.5)
        assert report["documents"] == 42
        names = http.get(f"/v1/datasets/{dataset_id}/documents?q=late").json()["data"]
        assert [item["name"] for item in names] == ["late.txt"]
