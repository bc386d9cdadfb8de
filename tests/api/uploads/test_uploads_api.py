"""tus 1.0.0 by raw requests: every byte counts once, and the last one makes a document."""

from __future__ import annotations

import base64
import hashlib

import pytest
from sqlalchemy import text

from ingest.intake.resumable import ResumableUploads
from tests.api.serving import Served
from tests.api.uploads.tus_client import BYTES, TUS, begin, described, offset, send
from tests.ingest.readers.office_samples import zipped
from tests.server import wait_for_batch


@pytest.fixture
def dataset_id(served: Served, request: pytest.FixtureRequest) -> str:
    return served.new_dataset(request.node.name)


def partial_files(served: Served) -> set[str]:
    return set(served.kb.partial_files.ids())


def test_the_server_says_what_it_can(served: Served):
    answer = served.http.options("/v1/uploads")
    assert answer.status_code == 204
    assert answer.headers["tus-version"] == "1.0.0"
    assert set(answer.headers["tus-extension"].split(",")) >= {
        "creation",
        "creation-with-upload",
        "termination",
        "expiration",
        "checksum",
    }
    assert int(answer.headers["tus-max-size"]) >= 200 * 1024 * 1024


def test_a_file_sent_in_pieces_becomes_a_document(served: Served, dataset_id: str):
    data = ("# Tides\n\n" + "The tide comes in twice a day. " * 300).encode()
    made = begin(served, dataset_id, len(data), "sea/tides.md", metadata='{"year": 2024}')
    place = made.headers["location"]
    assert made.status_code == 201
    assert made.headers["tus-resumable"] == "1.0.0"
    assert "GMT" in made.headers["upload-expires"]

    for start in range(0, len(data), 4000):
        assert offset(served, place) == start
        answer = send(served, place, start, data[start : start + 4000])
        assert answer.status_code == 204, answer.text
        assert answer.headers["upload-offset"] == str(min(start + 4000, len(data)))
    batch = wait_for_batch(served.http, answer.headers["x-batch-id"])
    assert (batch["total"], batch["ready"]) == (1, 1)
    document = served.http.get(f"/v1/documents/{answer.headers['x-document-id']}").json()
    assert (document["name"], document["metadata"]) == ("sea/tides.md", {"year": 2024})
    assert document["sha256"] == hashlib.sha256(data).hexdigest()
    after = served.http.head(place, headers=TUS)
    assert after.headers["upload-offset"] == after.headers["upload-length"] == str(len(data))
    assert after.headers["x-document-id"] == document["id"]
    assert "filename" in after.headers["upload-metadata"]
    assert after.headers["cache-control"] == "no-store"
    assert place[12:] not in partial_files(served)
    assert served.http.post("/v1/fsck").json()["clean"]


def test_the_bytes_may_come_with_the_announcement(served: Served, dataset_id: str):
    headers = {
        **BYTES,
        "upload-length": "10",
        "upload-metadata": described(dataset_id=dataset_id, filename="a.md"),
    }
    half = served.http.post("/v1/uploads", content=b"Hello", headers=headers)
    assert (half.status_code, half.headers["upload-offset"]) == (201, "5")
    assert "x-document-id" not in half.headers
    done = send(served, half.headers["location"], 5, b" tide")
    assert done.headers["x-document-id"]
    whole = served.http.post("/v1/uploads", content=b"Hello tide", headers=headers)
    assert (whole.status_code, whole.headers["upload-offset"]) == (201, "10")
    assert whole.headers["x-document-id"] == done.headers["x-document-id"]


def test_an_archive_is_expanded(served: Served, dataset_id: str):
    data = zipped({"a.md": "Alpha.", "dir/b.md": "Beta."})
    place = begin(served, dataset_id, len(data), "all.zip").headers["location"]
    answer = send(served, place, 0, data)
    assert wait_for_batch(served.http, answer.headers["x-batch-id"])["ready"] == 2


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"tus-resumable": "0.2.2"}, 412, "tus_version"),
        ({"tus-resumable": ""}, 412, "tus_version"),
        ({"content-type": "text/plain"}, 415, "unsupported_media_type"),
        ({"upload-offset": "3"}, 409, "conflict"),
        ({"upload-offset": "-1"}, 400, "invalid_request"),
        ({"upload-offset": ""}, 400, "invalid_request"),
        ({"upload-checksum": "sha1 AAAA"}, 460, "checksum_mismatch"),
        ({"upload-checksum": "crc9 AAAA"}, 400, "invalid_request"),
        ({"upload-checksum": "sha1 %%"}, 400, "invalid_request"),
    ],
)
def test_a_wrong_piece_is_refused_and_changes_nothing(
    served: Served, dataset_id: str, headers: dict[str, str], status: int, code: str
):
    place = begin(served, dataset_id, 10).headers["location"]
    answer = send(served, place, 0, b"Hello", **headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["tus-resumable"] == "1.0.0"
    assert offset(served, place) == 0


def test_a_piece_with_a_good_checksum_is_taken(served: Served, dataset_id: str):
    place = begin(served, dataset_id, 10).headers["location"]
    for algorithm, piece, start in (("sha1", b"Hello", 0), ("sha256", b" tide", 5)):
        digest = base64.b64encode(hashlib.new(algorithm, piece).digest()).decode()
        answer = send(served, place, start, piece, **{"upload-checksum": f"{algorithm} {digest}"})
        assert answer.status_code == 204
    assert answer.headers["x-document-id"]


def test_more_bytes_than_announced_are_refused(served: Served, dataset_id: str):
    place = begin(served, dataset_id, 10).headers["location"]
    assert send(served, place, 0, b"Hello").status_code == 204
    assert send(served, place, 5, b"x" * 6).status_code == 413
    unannounced = served.http.patch(
        place, content=iter([b"xxx", b"xxx"]), headers={**BYTES, "upload-offset": "5"}
    )
    assert unannounced.status_code == 413
    assert offset(served, place) == 5


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"upload-length": str(2**50)}, 413),
        ({"upload-length": "x"}, 400),
        ({"upload-defer-length": "2", "upload-length": ""}, 400),
        ({"upload-concat": "half"}, 400),
        ({"upload-concat": "final"}, 400),
        ({"upload-concat": "final;/v1/uploads/a /v1/uploads/b", "upload-length": ""}, 404),
        ({"upload-metadata": ""}, 400),
        ({"upload-metadata": "filename %%%"}, 400),
        ({"upload-metadata": described(filename="a.md", dataset_id="ds_none")}, 404),
    ],
)
def test_a_wrong_announcement_is_refused(
    served: Served, dataset_id: str, headers: dict[str, str], status: int
):
    good = {
        **TUS,
        "upload-length": "5",
        "upload-metadata": described(dataset_id=dataset_id, filename="a.md"),
    }
    before = partial_files(served)
    assert served.http.post("/v1/uploads", headers={**good, **headers}).status_code == status
    assert partial_files(served) == before


@pytest.mark.parametrize(
    "fields",
    [
        {"filename": "../a.md"},
        {"mode": "destroy"},
        {"encoding": "klingon"},
        {"encoding": "zlib"},
        {"encoding": "\0"},
        {"metadata": "[1]"},
    ],
)
def test_wrong_options_are_refused_before_any_byte(served: Served, dataset_id: str, fields):
    named = {"dataset_id": dataset_id, "filename": "a.md", **fields}
    headers = {**TUS, "upload-length": "5", "upload-metadata": described(**named)}
    answer = served.http.post("/v1/uploads", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def test_a_whole_file_that_cannot_be_a_document_is_refused_and_gone(
    served: Served, dataset_id: str
):
    place = begin(served, dataset_id, 8, "a.bin").headers["location"]
    answer = send(served, place, 0, b"\x7fELF\x02\x01\x01\x00")
    assert (answer.status_code, answer.json()["code"]) == (400, "unsupported_media_type")
    assert served.http.head(place, headers=TUS).status_code == 404
    assert place[12:] not in partial_files(served)


def test_an_upload_can_be_given_up(served: Served, dataset_id: str):
    place = begin(served, dataset_id, 10).headers["location"]
    send(served, place, 0, b"Hello")
    assert served.http.delete(place, headers=TUS).status_code == 204
    assert served.http.head(place, headers=TUS).status_code == 404
    assert send(served, place, 5, b" tide").status_code == 404
    assert place[12:] not in partial_files(served)


def test_an_expired_upload_is_gone_and_swept(served: Served, dataset_id: str):
    place = begin(served, dataset_id, 10).headers["location"]
    send(served, place, 0, b"He")
    with served.kb.database.write() as tx:
        tx.execute(text("UPDATE uploads SET expires = 1 WHERE id = :id"), {"id": place[12:]})
    assert served.http.head(place, headers=TUS).status_code == 410
    assert send(served, place, 0, b"Hello").status_code == 410
    assert place[12:] in partial_files(served)
    ResumableUploads(served.kb).sweep()
    assert place[12:] not in partial_files(served)
    assert served.http.head(place, headers=TUS).status_code == 404


def test_an_upload_whose_bytes_are_gone_begins_again(served: Served, dataset_id: str):
    place = begin(served, dataset_id, size=4).headers["location"]
    send(served, place, 0, b"ab")
    served.kb.partial_files.remove(place[12:])
    served.kb.partial_files.create(place[12:])
    assert offset(served, place) == 0
    assert send(served, place, 0, b"abcd").status_code == 204
    assert offset(served, place) == 4


def test_what_arrived_for_a_dataset_goes_with_it_and_so_does_what_no_upload_owns(served: Served):
    dataset_id = served.new_dataset("short-lived")
    place = begin(served, dataset_id, size=4).headers["location"]
    send(served, place, 0, b"ab")
    served.kb.partial_files.create("stray")
    served.kb.partial_files.append("stray", b"of whom?", at=0)
    assert served.http.delete(f"/v1/datasets/{dataset_id}").status_code == 204
    ResumableUploads(served.kb).sweep()
    assert not partial_files(served) & {place[12:], "stray"}


def test_somebody_elses_upload_answers_like_an_absent_one(served: Served, dataset_id: str):
    place = begin(served, dataset_id, 10).headers["location"]
    other = served.new_dataset("of somebody else")
    stranger = served.with_new_key(kind="dataset", dataset_ids=[other])
    for method in ("HEAD", "DELETE"):
        assert stranger.request(method, place, headers=TUS).status_code == 404
    answer = stranger.patch(place, content=b"Hello", headers={**BYTES, "upload-offset": "0"})
    assert answer.status_code == 404
    metadata = described(dataset_id=dataset_id, filename="a.md")
    headers = {**TUS, "upload-length": "5", "upload-metadata": metadata}
    assert stranger.post("/v1/uploads", headers=headers).status_code == 404
    assert offset(served, place) == 0


def test_without_a_key_no_byte_is_taken(served: Served, dataset_id: str):
    place = begin(served, dataset_id, 10).headers["location"]
    nobody = served.client(None)
    answer = nobody.patch(place, content=b"Hello", headers={**BYTES, "upload-offset": "0"})
    assert answer.status_code == 401
    assert offset(served, place) == 0
