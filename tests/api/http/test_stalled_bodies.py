"""Requests whose body stops half-way are let go; bodies that move may take their time."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import pytest

from api.http import connections, middleware
from tests.api.serving import Served
from tests.api.talking import whole
from tests.api.uploads.tus_client import begin, offset, send

STILL_S = 0.3
OCTETS = "application/offset+octet-stream"


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, "BODY_STILL_S", STILL_S)
    monkeypatch.setattr(connections, "OPEN_DEADLINE_S", STILL_S)


@contextmanager
def posted(served: Served, method: str, path: str, **headers: str) -> Iterator[socket.socket]:
    """A connection on which the head of a request has been sent."""
    host = urlsplit(served.url)
    given = {"host": "x", "authorization": served.http.headers["authorization"], **headers}
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in given.items()]
    with socket.create_connection((host.hostname, host.port), timeout=20) as connection:
        connection.sendall(f"{method} {path} HTTP/1.1\r\n{''.join(lines)}\r\n".encode())
        yield connection


def all_of(connection: socket.socket) -> bytes:
    """What the server sends until it closes the connection."""
    received = b""
    while piece := connection.recv(65536):
        received += piece
    return received


def check_refusal(answer: bytes) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 "), answer
    assert b"connection: close" in head.lower()
    problem = json.loads(body)
    assert (problem["status"], problem["code"]) == (408, "request_timeout")
    assert "Send it again" in problem["detail"]


@pytest.mark.parametrize("framing", [{"content_length": "50"}, {"transfer_encoding": "chunked"}])
@pytest.mark.parametrize("sent", [b"", b'{"name": '])
def test_a_json_body_that_stops_half_way_is_refused(served: Served, framing, sent):
    with posted(
        served, "POST", "/v1/datasets", content_type="application/json", **framing
    ) as connection:
        if sent:
            chunk = b"%x\r\n%b\r\n" % (len(sent), sent)
            connection.sendall(sent if "content_length" in framing else chunk)
        check_refusal(all_of(connection))


def test_a_file_that_stops_half_way_is_refused_and_leaves_nothing(served: Served):
    dataset_id = served.new_dataset("stalled")
    documents = f"/v1/datasets/{dataset_id}/documents"
    form = "multipart/form-data; boundary=b"
    start = b'--b\r\nContent-Disposition: form-data; name="f"; filename="a.md"\r\n\r\nhalf'
    for method, path, kind, sent in (
        ("POST", documents, form, start),
        ("PUT", f"{documents}/by-name/a.md", "text/markdown", b"half"),
    ):
        with posted(served, method, path, content_type=kind, content_length="5000") as connection:
            connection.sendall(sent)
            check_refusal(all_of(connection))
    assert served.http.get(documents).json()["data"] == []


def test_a_resumable_upload_that_stops_half_way_goes_on_where_it_stopped(served: Served):
    data = b"words and words\n" * 100
    place = begin(served, served.new_dataset("goes on"), len(data)).headers["location"]
    tus = {"tus_resumable": "1.0.0", "upload_offset": "0", "content_type": OCTETS}
    with posted(served, "PATCH", place, content_length=str(len(data)), **tus) as connection:
        connection.sendall(data[:700])
        check_refusal(all_of(connection))

    assert offset(served, place) == 700
    assert send(served, place, 700, data[700:]).headers["x-document-id"]


def test_a_slow_upload_that_moves_takes_as_long_as_it_takes(
    served: Served, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(middleware, "BODY_STILL_S", 1.0)
    dataset_id = served.new_dataset("slow")
    path = f"/v1/datasets/{dataset_id}/documents/by-name/slow.md"
    pieces = [b"word " * 20] * 12
    with posted(
        served, "PUT", path, content_type="text/markdown", content_length="1200"
    ) as connection:
        for piece in pieces:  # longer than a body may stand still, all in all
            connection.sendall(piece)
            threading.Event().wait(0.1)
        assert connection.recv(65536).startswith(b"HTTP/1.1 202 ")


def test_a_byte_now_and_then_is_not_moving(served: Served):
    with posted(
        served, "POST", "/v1/datasets", content_type="application/json", content_length="100000"
    ) as connection:
        connection.settimeout(STILL_S / 10)
        for _ in range(1000):
            connection.sendall(b" ")
            try:
                answer = connection.recv(65536)
            except TimeoutError:
                continue
            break
        check_refusal(answer)


def test_the_rest_of_a_body_that_was_refused_is_not_awaited_for_ever(served: Served):
    with posted(served, "POST", "/v1/datasets", authorization="x", content_length="99") as line:
        assert line.recv(65536).startswith(b"HTTP/1.1 401 ")
        line.sendall(b"{")  # something, so that it is not an idle connection
        assert all_of(line) == b""


def test_half_a_body_does_not_end_a_stream_that_has_begun(served: Served, talking_apps: None):
    asked = served.http.post("/v1/apps/count/chat", json={"query": "x", "stream": False}).json()
    events = f"/v1/runs/{asked['run_id']}/events"
    with posted(served, "GET", events, content_length="50", connection="close") as connection:
        connection.sendall(b"{")
        assert b"event: run.completed" in all_of(connection)


@pytest.mark.usefixtures("talking_apps")
def test_answers_go_on_beside_hundreds_of_requests_that_are_never_finished(
    served: Served, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.undo()  # nobody is let go meanwhile
    host = urlsplit(served.url)
    begun = (b"", b"GET /heal", b"POST /v1/apps/cite/chat HTTP/1.1\r\nHost: x\r\nContent-Le")
    with ExitStack() as half:
        for number in range(300):
            connection = half.enter_context(socket.create_connection((host.hostname, host.port)))
            connection.sendall(begun[number % len(begun)])

        assert whole(served.http, "cite", "When does the moon rise?")["finish_reason"] == "stop"
