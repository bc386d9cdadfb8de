"""Resumable uploads over lines that break: they go on at the byte where they stopped."""

from __future__ import annotations

import hashlib
import random
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.serving import Served, serving
from tests.api.uploads.tus_client import TUS, begin, offset, send
from tests.server import wait_for_batch


@pytest.fixture
def dataset_id(served: Served, request: pytest.FixtureRequest) -> str:
    return served.new_dataset(request.node.name)


def half_a_request(served: Served, place: str, data: bytes, announced: int) -> socket.socket:
    """Send a PATCH that promises more bytes than come, and keep the line open."""
    url = httpx.URL(served.url)
    line = socket.create_connection((url.host, url.port))
    head = (
        f"PATCH {place} HTTP/1.1\r\nhost: x\r\ntus-resumable: 1.0.0\r\nupload-offset: 0\r\n"
        f"authorization: {served.http.headers['authorization']}\r\n"
        f"content-type: application/offset+octet-stream\r\ncontent-length: {announced}\r\n\r\n"
    )
    line.sendall(head.encode() + data)
    return line


def until(done: Any) -> None:
    deadline = time.monotonic() + 30
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_came_before_the_line_broke_is_kept(served: Served, dataset_id: str):
    data = b"words\n" * 500_000
    place = begin(served, dataset_id, len(data)).headers["location"]
    line = half_a_request(served, place, data[:1_500_000], len(data))
    until(lambda: served.kb.partial_files.size(place[12:]) >= 1 << 20)  # it is being written
    line.close()

    until(lambda: served.kb.partial_files.size(place[12:]) == 1_500_000)
    assert offset(served, place) == 1_500_000
    assert send(served, place, 1_500_000, data[1_500_000:]).headers["x-document-id"]


def test_a_line_that_hangs_gives_way_to_the_client_that_comes_back(served: Served, dataset_id: str):
    data = b"words\n" * 500_000
    place = begin(served, dataset_id, len(data)).headers["location"]
    with half_a_request(served, place, data[:1_500_000], len(data)):
        until(lambda: served.kb.partial_files.size(place[12:]) >= 1 << 20)
        at = offset(served, place)
        assert at >= 1 << 20
        answer = send(served, place, at, data[at:])
    assert answer.status_code == 204
    document = served.http.get(f"/v1/documents/{answer.headers['x-document-id']}").json()
    assert document["sha256"] == hashlib.sha256(data).hexdigest()


def test_an_upload_goes_on_after_a_restart_and_a_whole_one_is_finished(tmp_path: Path):
    data = bytes(random.Random(7).choices(b"words and more\n", k=50_000))
    with serving(tmp_path / "data") as served:
        dataset_id = served.new_dataset("d")
        half = begin(served, dataset_id, len(data), "half.txt").headers["location"]
        send(served, half, 0, data[:20_000])
        whole = begin(served, dataset_id, len(data), "whole.txt").headers["location"]
        send(served, whole, 0, data[:-1])
        last = len(data) - 1  # comes as if the process had died before it could answer
        served.kb.partial_files.append(whole[12:], data[last:], at=last)
    with serving(tmp_path / "data") as served:
        until(lambda: "x-document-id" in served.http.head(whole, headers=TUS).headers)
        assert offset(served, half) == 20_000
        answer = send(served, half, 20_000, data[20_000:])
        documents = served.http.get(f"/v1/datasets/{dataset_id}/documents").json()["data"]
        assert {item["name"] for item in documents} == {"half.txt", "whole.txt"}
        assert {item["sha256"] for item in documents} == {hashlib.sha256(data).hexdigest()}
        wait_for_batch(served.http, answer.headers["x-batch-id"])


def test_cuts_at_random_bytes_lose_and_double_nothing(served: Served, dataset_id: str):
    rng = random.Random(11)
    data = rng.randbytes(3000).hex().encode()
    place, at = begin(served, dataset_id, len(data), "cut.txt").headers["location"], 0
    while at < len(data):
        piece = data[at : at + rng.randrange(1, 900)]
        if rng.random() < 0.3:
            assert send(served, place, at + 1, piece).status_code == 409
        answer = send(served, place, at, piece)
        assert answer.status_code == 204
        at = offset(served, place)
    document = served.http.get(f"/v1/documents/{answer.headers['x-document-id']}").json()
    assert document["sha256"] == hashlib.sha256(data).hexdigest()
