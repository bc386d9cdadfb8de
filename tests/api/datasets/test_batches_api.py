"""Batches over HTTP: paused, resumed, cancelled, retried; archives; what an upload would do."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.api.serving import Served
from tests.ingest.readers.office_samples import zipped
from tests.server import frames, wait_for_batch


@pytest.fixture
def dataset_id(served: Served, request: pytest.FixtureRequest) -> str:
    return served.new_dataset(request.node.name)


def post(served: Served, dataset_id: str, files: dict[str, bytes], **query: str) -> Any:
    parts = [("files", item) for item in files.items()]
    answer = served.http.post(f"/v1/datasets/{dataset_id}/documents", files=parts, params=query)
    assert answer.status_code == 202, answer.text
    return answer.json()


def documents(served: Served, dataset_id: str) -> dict[str, Any]:
    found = served.http.get(f"/v1/datasets/{dataset_id}/documents", params={"limit": 500}).json()
    return {item["name"]: item for item in found["data"]}


def texts(number: int) -> dict[str, bytes]:
    return {f"{n:03}.md": f"Text number{n}. ".encode() * 40 for n in range(number)}


def test_a_paused_batch_waits_and_goes_on(served: Served, dataset_id: str):
    batch_id = post(served, dataset_id, texts(150))["batch_id"]
    paused = served.post(f"/v1/batches/{batch_id}/pause", status=200)
    assert paused["status"] in ("paused", "completed")
    if paused["status"] == "paused":
        assert (paused["documents_per_s"], paused["eta_s"]) == (None, None)
    other = post(served, dataset_id, {"other.md": b"Of another batch."})["batch_id"]
    assert wait_for_batch(served.http, other)["ready"] == 1

    assert served.post(f"/v1/batches/{batch_id}/resume", status=200)["total"] == 150
    assert wait_for_batch(served.http, batch_id)["ready"] == 150


def test_a_cancelled_batch_is_completed_and_can_be_retried(served: Served, dataset_id: str):
    served.upload(dataset_id, {"000.md": "The old version."})
    batch_id = post(served, dataset_id, texts(120))["batch_id"]
    served.post(f"/v1/batches/{batch_id}/pause", status=200)
    served.post(f"/v1/batches/{batch_id}/cancel", status=200)
    cancelled = wait_for_batch(served.http, batch_id)  # what was stored already becomes ready

    assert cancelled["ready"] + cancelled["failed"] == 120
    codes = {i["error"]["code"] for i in cancelled["documents"] if i["status"] == "failed"}
    assert codes <= {"cancelled"}
    assert documents(served, dataset_id)["000.md"]["live_version"] in (1, 2)
    served.post(f"/v1/batches/{batch_id}/retry", status=200)
    assert wait_for_batch(served.http, batch_id)["ready"] == 120
    assert served.http.post("/v1/fsck").json()["clean"]


def test_cancelling_while_documents_are_in_work_leaves_no_trace(served: Served, dataset_id: str):
    for _ in range(4):
        batch_id = post(served, dataset_id, texts(60))["batch_id"]
        time.sleep(0.05)
        served.post(f"/v1/batches/{batch_id}/cancel", status=200)
        wait_for_batch(served.http, batch_id)
    assert {item["status"] for item in documents(served, dataset_id).values()} <= {
        "ready",
        "failed",
    }
    deadline = time.monotonic() + 30
    while not (report := served.http.post("/v1/fsck").json())["clean"]:
        assert time.monotonic() < deadline, report
        time.sleep(0.1)


def test_a_large_batch_is_listed_in_parts(served: Served, dataset_id: str):
    batch_id = post(served, dataset_id, texts(30))["batch_id"]
    wait_for_batch(served.http, batch_id)
    path, seen, query = f"/v1/batches/{batch_id}", [], {"limit": "12"}
    while True:
        part = served.http.get(path, params=query).json()
        seen += [item["name"] for item in part["documents"]]
        if part["next"] is None:
            break
        query["cursor"] = part["next"]
    assert sorted(seen) == sorted(texts(30))
    numbers = served.http.get(path, params={"limit": 0}).json()
    assert (numbers["total"], numbers["ready"], numbers["documents"]) == (30, 30, [])
    assert served.http.get(path, params={"limit": 1001}).status_code == 400
    failed = served.http.get(path, params={"status": "failed"}).json()
    assert (failed["documents"], failed["next"]) == ([], None)


def test_progress_tells_the_pace_while_there_is_something_to_do(served: Served, dataset_id: str):
    batch_id = post(served, dataset_id, texts(200))["batch_id"]
    with served.http.stream("GET", f"/v1/batches/{batch_id}/events") as answer:
        progress = [data for _, name, data in frames(answer) if name == "progress"]
    assert progress[-1]["status"] == "completed"
    assert progress[-1]["documents_per_s"] is None
    assert [item["ready"] for item in progress] == sorted(item["ready"] for item in progress)
    for item in progress[:-1]:
        assert item["documents_per_s"] >= 0
        assert item["eta_s"] is None or item["eta_s"] > 0


def test_an_archive_is_acknowledged_and_its_members_are_followed(served: Served, dataset_id: str):
    archive = zipped({"dir/a.md": "Alpha.", "b.bin": b"\x7fELF\x02\x01\x01\x00", ".x": "x"})
    accepted = post(served, dataset_id, {"all.zip": archive})
    assert [item["name"] for item in accepted["accepted"]] == ["all.zip"]
    batch = wait_for_batch(served.http, accepted["batch_id"])

    assert (batch["total"], batch["ready"], batch["failed"], batch["skipped"]) == (2, 1, 1, 1)
    found = documents(served, dataset_id)
    assert set(found) == {"dir/a.md", "b.bin"}
    assert found["b.bin"]["error"]["code"] == "unsupported_media_type"
    assert found["b.bin"]["sha256"] is None
    assert served.http.get(f"/v1/documents/{found['b.bin']['id']}/original").status_code == 404
    retried = served.http.post(f"/v1/documents/{found['b.bin']['id']}/retry")
    assert retried.status_code == 409


def test_a_dry_run_names_what_would_become_of_each_file(served: Served, dataset_id: str):
    ids = served.upload(dataset_id, {"same.md": "Same.", "old.md": "Old.", "dir/a.md": "A."})
    files = {
        "same.md": b"Same.",
        "old.md": b"New.",
        "new.md": b"New too.",
        "x.bin": b"\x7fELF\x02\x01\x01\x00",
        "all.zip": zipped({"dir/a.md": "A.", "dir/b.md": "B.", "c.7z": b"7z\xbc\xaf\x27\x1c"}),
    }
    before = documents(served, dataset_id)

    told = post(served, dataset_id, files, dry_run="true")
    assert told["batch_id"] is None
    assert {item["name"]: item["status"] for item in told["accepted"]} == {
        "same.md": "unchanged",
        "old.md": "replaced",
        "new.md": "created",
        "dir/a.md": "unchanged",
        "dir/b.md": "created",
    }
    assert {i["name"]: i["document_id"] for i in told["accepted"]}["old.md"] == ids["old.md"]
    assert {item["name"]: item["code"] for item in told["rejected"]} == {
        "x.bin": "unsupported_media_type",
        "c.7z": "archive_nested",
    }
    skipping = post(served, dataset_id, files, dry_run="true", mode="skip")
    assert {i["name"]: i["status"] for i in skipping["accepted"]}["old.md"] == "skipped"
    assert documents(served, dataset_id) == before


def test_old_versions_are_kept_where_that_was_asked_for(served: Served, dataset_id: str):
    document_id = served.upload(dataset_id, {"a.md": "One."})["a.md"]
    for text in (b"Two.", b"Three."):
        batch_id = post(served, dataset_id, {"a.md": text}, mode="version")["batch_id"]
        wait_for_batch(served.http, batch_id)

    versions = served.http.get(f"/v1/documents/{document_id}/versions").json()["data"]
    assert [(item["version"], item["size_bytes"]) for item in versions] == [(2, 4), (1, 4)]
    original = f"/v1/documents/{document_id}/original"
    assert served.http.get(original).content == b"Three."
    assert served.http.get(original, params={"version": 1}).content == b"One."
    assert served.http.get(original, params={"version": 9}).status_code == 404
    assert served.http.post("/v1/fsck").json()["clean"]
    assert served.http.delete(f"/v1/documents/{document_id}").status_code == 204
    assert served.http.post("/v1/fsck").json()["clean"]


def test_five_repeats_of_one_upload_at_once_are_one_batch(served: Served, dataset_id: str):
    together = threading.Barrier(5)
    parts = [("files", item) for item in {**texts(5), "all.zip": zipped({"z.md": "Z."})}.items()]

    def upload(_number: int) -> bytes:
        together.wait()
        answer = served.http.post(
            f"/v1/datasets/{dataset_id}/documents",
            files=parts,
            headers={"idempotency-key": "five uploads"},
        )
        assert answer.status_code == 202, answer.text
        return answer.content

    with ThreadPoolExecutor(5) as pool:
        (only,) = set(pool.map(upload, range(5)))
    wait_for_batch(served.http, json.loads(only)["batch_id"])
    found = documents(served, dataset_id)
    assert set(found) == {*texts(5), "z.md"}
    assert {item["version"] for item in found.values()} == {1}
    for other in ({"params": {"mode": "skip"}}, {"files": parts[:-1]}):
        request: dict[str, Any] = {"files": parts, **other}
        answer = served.http.post(
            f"/v1/datasets/{dataset_id}/documents",
            headers={"idempotency-key": "five uploads"},
            **request,
        )
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
