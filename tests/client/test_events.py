"""Streams as a client reads them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from client.http import Client

STREAM = (
    b'id: 1\nevent: retrieval\ndata: {"sources": []}\n\n'
    b": ping\n\n"
    b'id: 2\nevent: delta\ndata: {"text": "a"}\n\n'
)


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        self.wfile.write(STREAM)

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_ping_in_the_middle_of_an_answer_is_not_an_event(url: str):
    with Client(url, "key") as client:
        events = list(client.events("GET", "/stream"))
    assert events == [("retrieval", {"sources": []}), ("delta", {"text": "a"})]
