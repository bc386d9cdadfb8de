"""tus by raw requests: files whose length is told late, and files that come in parallel parts."""

from __future__ import annotations

import hashlib

import httpx
import pytest

from tests.api.serving import Served
from tests.api.uploads.tus_client import BYTES, TUS, begin, described, offset, send
from tests.server import wait_for_batch


@pytest.fixture
def dataset_id(served: Served, request: pytest.FixtureRequest) -> str:
    return served.new_dataset(request.node.name)


def begin_endless(served: Served, dataset_id: str) -> str:
    metadata = described(dataset_id=dataset_id, filename="late.md")
    headers = {**TUS, "upload-defer-length": "1", "upload-metadata": metadata}
    return served.http.post("/v1/uploads", headers=headers).headers["location"]


def part(http: httpx.Client, data: bytes, *, announced: int | None = None) -> str:
    headers = {**TUS, "upload-concat": "partial", "upload-length": str(announced or len(data))}
    made = http.post("/v1/uploads", headers=headers)
    assert made.status_code == 201, made.text
    place = made.headers["location"]
    sent = http.patch(place, content=data, headers={**BYTES, "upload-offset": "0"})
    assert sent.status_code == 204
    return str(place)


def joined(http: httpx.Client, dataset_id: str, *places: str) -> httpx.Response:
    metadata = described(dataset_id=dataset_id, filename="joined.md")
    concat = f"final;{' '.join(places)}"
    headers = {**TUS, "upload-concat": concat, "upload-metadata": metadata}
    return http.post("/v1/uploads", headers=headers)


def sha256_of(served: Served, answer: httpx.Response) -> str:
    batch = wait_for_batch(served.http, answer.headers["x-batch-id"])
    assert (batch["total"], batch["ready"]) == (1, 1)
    document = served.http.get(f"/v1/documents/{answer.headers['x-document-id']}").json()
    return str(document["sha256"])


def test_a_length_may_be_told_with_the_last_piece(served: Served, dataset_id: str):
    place = begin_endless(served, dataset_id)
    assert send(served, place, 0, b"Hello").status_code == 204
    before = served.http.head(place, headers=TUS).headers
    assert (before["upload-defer-length"], before["upload-offset"]) == ("1", "5")
    assert "upload-length" not in before
    answer = send(served, place, 5, b" tide", **{"upload-length": "10"})
    assert sha256_of(served, answer) == hashlib.sha256(b"Hello tide").hexdigest()
    after = served.http.head(place, headers=TUS).headers
    assert after["upload-length"] == "10"
    assert "upload-defer-length" not in after


def test_the_length_may_come_without_bytes(served: Served, dataset_id: str):
    place = begin_endless(served, dataset_id)
    assert "x-document-id" not in send(served, place, 0, b"Hello tide").headers
    assert send(served, place, 10, b"", **{"upload-length": "10"}).headers["x-document-id"]


@pytest.mark.parametrize(("length", "status"), [("4", 409), (str(2**50), 413), ("x", 400)])
def test_a_length_that_cannot_be_is_refused(
    served: Served, dataset_id: str, length: str, status: int
):
    place = begin_endless(served, dataset_id)
    assert send(served, place, 0, b"Hello").status_code == 204
    assert send(served, place, 5, b"!", **{"upload-length": length}).status_code == status
    assert offset(served, place) == 5


def test_a_length_that_was_told_does_not_change(served: Served, dataset_id: str):
    place = begin(served, dataset_id, 10).headers["location"]
    assert send(served, place, 0, b"Hello", **{"upload-length": "10"}).status_code == 204
    assert send(served, place, 5, b" tide!", **{"upload-length": "11"}).status_code == 409
    assert offset(served, place) == 5


def test_parts_become_one_document_in_the_order_named(served: Served, dataset_id: str):
    last = part(served.http, b" by moonlight.")
    first = part(served.http, b"The tide comes in")
    head = served.http.head(first, headers=TUS).headers
    assert (head["upload-concat"], head["upload-length"]) == ("partial", "17")
    answer = joined(served.http, dataset_id, f"{served.url}{first}", last)
    assert answer.status_code == 201, answer.text
    whole = b"The tide comes in by moonlight."
    assert sha256_of(served, answer) == hashlib.sha256(whole).hexdigest()
    listed = served.http.get(f"/v1/datasets/{dataset_id}/documents").json()["data"]
    assert [document["name"] for document in listed] == ["joined.md"]
    place = answer.headers["location"]
    assert served.http.head(place, headers=TUS).headers["upload-concat"].startswith("final;")
    refused = send(served, place, len(whole), b"x")
    assert (refused.status_code, refused.json()["code"]) == (403, "upload_is_whole")
    assert [served.http.head(it, headers=TUS).status_code for it in (first, last)] == [404, 404]
    assert served.http.post("/v1/fsck").json()["clean"]


def test_parts_that_are_not_whole_stay(served: Served, dataset_id: str):
    whole, half = part(served.http, b"Hello"), part(served.http, b" ti", announced=5)
    refused = joined(served.http, dataset_id, whole, half)
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert send(served, half, 3, b"de").status_code == 204
    answer = joined(served.http, dataset_id, whole, half)
    assert sha256_of(served, answer) == hashlib.sha256(b"Hello tide").hexdigest()


def test_a_file_is_no_part_of_another(served: Served, dataset_id: str):
    place = begin(served, dataset_id, 10).headers["location"]
    assert joined(served.http, dataset_id, place).status_code == 409
    assert offset(served, place) == 0


def test_another_keys_parts_do_not_exist(served: Served, dataset_id: str):
    mine, theirs = (served.with_new_key(kind="dataset", dataset_ids=[dataset_id]) for _ in range(2))
    place = part(mine, b"Hello")
    assert joined(theirs, dataset_id, place).status_code == 404
    assert theirs.head(place, headers=TUS).status_code == 404
    assert joined(mine, dataset_id, place).status_code == 201


def test_what_comes_without_a_length_stays_within_the_quota(served: Served, dataset_id: str):
    quota = {"size_bytes": 10}
    key = served.with_new_key(kind="dataset", dataset_ids=[dataset_id], quota=quota)
    headers = {**TUS, "upload-concat": "partial", "upload-defer-length": "1"}
    place = key.post("/v1/uploads", headers=headers).headers["location"]
    from_0 = {**BYTES, "upload-offset": "0"}
    refused = key.patch(place, content=b"Hello tides", headers=from_0)
    assert (refused.status_code, refused.json()["code"]) == (413, "too_large")
    refused = key.patch(place, content=b"Hello", headers={**from_0, "upload-length": "11"})
    assert (refused.status_code, refused.json()["code"]) == (413, "quota_exceeded")
    assert key.patch(place, content=b"Hello tide", headers=from_0).status_code == 204
    told = key.patch(place, headers={**BYTES, "upload-offset": "10", "upload-length": "10"})
    assert told.status_code == 204
    assert joined(key, dataset_id, place).status_code == 201
