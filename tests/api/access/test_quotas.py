"""What a key and a dataset may keep, and bring in a day: counted where it is accepted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from ingest.intake.resumable import ResumableUploads
from kb.store.engine import schema
from tests.api.serving import Served, serving
from tests.api.uploads.tus_client import TUS, begin, offset, send
from tests.ingest.readers.office_samples import zipped
from tests.server import wait_for_batch


@pytest.fixture
def dataset_id(served: Served, request: pytest.FixtureRequest) -> str:
    return served.new_dataset(request.node.name)


def limited(served: Served, dataset_id: str, **quota: int) -> None:
    answer = served.http.patch(f"/v1/datasets/{dataset_id}", json={"quota": quota})
    assert answer.status_code == 200, answer.text


def put(http: httpx.Client, dataset_id: str, name: str, text: str = "Text.", **query: str) -> Any:
    path = f"/v1/datasets/{dataset_id}/documents/by-name/{name}"
    return http.put(path, content=text.encode(), params=query)


def used(served: Served, place: str) -> dict[str, int]:
    found: dict[str, int] = served.http.get(place).json()["used"]
    return found


def check_refusal(answer: httpx.Response, of: str, limit: str, used: int, allowed: int) -> None:
    """It says what is used, what is allowed and when that changes."""
    problem = answer.json()
    is_kept = limit in ("size_bytes", "documents")
    assert (answer.status_code, problem["code"]) == (
        (413, "quota_exceeded") if is_kept else (429, "rate_limited")
    ), answer.text
    said = problem["quota"]
    assert (said["of"], said["limit"], said["used"], said["allowed"]) == (of, limit, used, allowed)
    assert str(allowed) in problem["detail"]
    assert str(used) in problem["detail"]
    if limit == "uploads_per_day":
        tomorrow = datetime.now(UTC).date() + timedelta(days=1)
        assert said["resets_at"] == f"{tomorrow}T00:00:00.000Z"
    assert ("retry-after" in answer.headers) is not is_kept


def test_a_dataset_keeps_as_many_documents_as_it_may_and_a_deletion_makes_room(
    served: Served, dataset_id: str
):
    limited(served, dataset_id, documents=2)
    for name in ("a", "b", "a"):
        assert put(served.http, dataset_id, name, f"Text {name}").status_code == 202

    check_refusal(put(served.http, dataset_id, "c"), "dataset", "documents", 3, 2)
    assert used(served, f"/v1/datasets/{dataset_id}")["documents"] == 2
    first = served.http.get(f"/v1/datasets/{dataset_id}/documents").json()["data"][0]["id"]
    assert served.http.delete(f"/v1/documents/{first}").status_code == 204
    assert put(served.http, dataset_id, "c").status_code == 202


def test_a_dataset_keeps_as_many_bytes_as_it_may_with_old_versions(served: Served, dataset_id: str):
    limited(served, dataset_id, size_bytes=250)
    assert put(served.http, dataset_id, "a", "x" * 100).status_code == 202
    assert put(served.http, dataset_id, "a", "y" * 100, mode="version").status_code == 202

    assert used(served, f"/v1/datasets/{dataset_id}")["size_bytes"] == 200
    check_refusal(put(served.http, dataset_id, "b", "z" * 51), "dataset", "size_bytes", 251, 250)
    assert put(served.http, dataset_id, "b", "z" * 50).status_code == 202


def test_what_is_refused_leaves_no_bytes_behind(served: Served, dataset_id: str):
    limited(served, dataset_id, documents=0)
    before = set(served.kb.originals.hashes())
    check_refusal(put(served.http, dataset_id, "a", "new words"), "dataset", "documents", 1, 0)
    assert set(served.kb.originals.hashes()) == before


def test_uploads_at_one_moment_do_not_pass_a_quota_together(served: Served, dataset_id: str):
    limited(served, dataset_id, documents=3)
    statuses: list[int] = []

    def upload(number: int) -> None:
        with served.client(served.kb.access.admin_key) as own:
            statuses.append(put(own, dataset_id, f"{number}", f"Text {number}").status_code)

    threads = [threading.Thread(target=upload, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [202] * 3 + [413] * 9


def test_a_key_brings_as_many_uploads_a_day_as_it_may(served: Served, dataset_id: str):
    body = {"kind": "dataset", "dataset_ids": [dataset_id], "quota": {"uploads_per_day": 2}}
    made = served.post("/v1/keys", body)
    http = served.client(made["key"])
    for name in ("a", "b"):
        assert put(http, dataset_id, name).status_code == 202

    check_refusal(put(http, dataset_id, "c"), "key", "uploads_per_day", 3, 2)
    assert put(served.http, dataset_id, "c").status_code == 202  # another's is not counted
    assert used(served, f"/v1/keys/{made['id']}") == {
        "size_bytes": 10,
        "documents": 2,
        "uploads_per_day": 2,
        "open_uploads": 0,
    }
    yesterday = update(schema.batches).values(created_at="2020-01-01T00:00:00.000Z")
    with served.kb.database.write() as tx:
        tx.execute(yesterday)
    assert put(http, dataset_id, "c").status_code == 202


def test_a_key_may_be_given_another_quota(served: Served, dataset_id: str):
    body = {"kind": "dataset", "dataset_ids": [dataset_id], "quota": {"documents": 1}}
    made = served.post("/v1/keys", body)
    http = served.client(made["key"])
    assert put(http, dataset_id, "a").status_code == 202
    check_refusal(put(http, dataset_id, "b"), "key", "documents", 2, 1)

    changed = served.http.patch(f"/v1/keys/{made['id']}", json={"quota": {"documents": 2}}).json()

    assert changed["quota"]["documents"] == 2
    assert put(http, dataset_id, "b").status_code == 202
    limits = {"limits": {"requests_per_minute": 1}}
    assert (
        served.http.patch(f"/v1/keys/{made['id']}", json=limits).json()["quota"]
        == (changed["quota"])
    )
    assert put(http, dataset_id, "c").status_code == 413
    assert http.get("/v1/datasets").status_code == 429


def test_only_keys_that_upload_have_a_quota(served: Served):
    served.new_app("quota-app")
    body = {"kind": "app", "app": "quota-app", "quota": {"documents": 1}}
    refused = served.http.post("/v1/keys", json=body)
    assert (refused.status_code, "quota" in refused.json()["detail"]) == (400, True)


def test_a_dataset_has_as_many_uploads_open_as_it_may(served: Served, dataset_id: str):
    limited(served, dataset_id, open_uploads=2)
    places = [begin(served, dataset_id, 4, f"{n}.md").headers["location"] for n in range(2)]

    check_refusal(begin(served, dataset_id, 4, "c.md"), "dataset", "open_uploads", 3, 2)
    assert send(served, places[0], 0, b"abcd").status_code == 204  # it is a document now
    assert begin(served, dataset_id, 4, "c.md").status_code == 201
    check_refusal(begin(served, dataset_id, 4, "d.md"), "dataset", "open_uploads", 3, 2)
    assert served.http.delete(places[1], headers=TUS).status_code == 204
    assert begin(served, dataset_id, 4, "d.md").status_code == 201


def test_a_resumable_upload_is_refused_when_it_is_announced(served: Served, dataset_id: str):
    limited(served, dataset_id, size_bytes=10)
    check_refusal(begin(served, dataset_id, 11), "dataset", "size_bytes", 11, 10)


def test_a_whole_upload_that_there_is_no_room_for_waits_until_there_is(tmp_path: Path):
    with serving(tmp_path / "data") as served:
        dataset_id = served.new_dataset("full")
        limited(served, dataset_id, documents=1)
        place = begin(served, dataset_id, 4, "late.md").headers["location"]
        other = begin(served, served.new_dataset("empty"), 4, "other.md").headers["location"]
        put(served.http, dataset_id, "first")
        check_refusal(send(served, place, 0, b"abcd"), "dataset", "documents", 2, 1)

        ids = (place.rpartition("/")[2], other.rpartition("/")[2])
        uploads = ResumableUploads(served.kb)
        uploads.files.append(
            ids[1], b"abcd", at=0
        )  # the process died before it made a document of it
        uploads.recover()

        assert served.http.head(other, headers=TUS).headers["x-document-id"]
        first = served.http.get(f"/v1/datasets/{dataset_id}/documents").json()["data"][0]["id"]
        served.http.delete(f"/v1/documents/{first}")
        assert offset(served, place) == 4
        assert served.http.head(place, headers=TUS).headers["x-document-id"]


def test_members_of_an_archive_count_for_its_key_and_beyond_the_quota_it_fails(
    served: Served, dataset_id: str
):
    body = {"kind": "dataset", "dataset_ids": [dataset_id], "quota": {"documents": 3}}
    made = served.post("/v1/keys", body)
    http = served.client(made["key"])
    for number, status in ((2, "ready"), (3, "failed")):
        files: dict[str, str | bytes] = {
            f"{number}/{n}.md": f"Text {number} {n}" for n in range(number)
        }
        path = f"/v1/datasets/{dataset_id}/documents"
        parts = {"f": (f"{number}.zip", zipped(dict(files)))}
        batch = wait_for_batch(http, http.post(path, files=parts).json()["batch_id"])
        assert {item["status"] for item in batch["documents"]} == {status}
    (failed,) = batch["documents"]
    assert (failed["name"], failed["error"]["code"]) == ("3.zip", "quota_exceeded")
    assert used(served, f"/v1/keys/{made['id']}")["documents"] == 3  # two, and the archive
    assert served.kb.fsck.run().is_clean


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("quotas") / "data") as running:
        yield running
