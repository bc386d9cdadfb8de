"""A receiver of webhooks on a real port, which keeps what it is sent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook

PATIENCE_S = 30


@dataclass(frozen=True)
class Message:
    """What came in one POST."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> dict[str, Any]:
        """The event, if the published library takes the signature for good."""
        event: dict[str, Any] = Webhook(secret).verify(self.body, self.headers)
        return event


@dataclass
class Receiver:
    """Answers with the statuses one after another, and with the last one from then on."""

    url: str = ""
    statuses: list[int] = field(default_factory=lambda: [204])
    answer: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    is_open: threading.Event = field(default_factory=threading.Event)
    messages: list[Message] = field(default_factory=list)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def next_status(self) -> int:
        with self._turn:  # messages come at once: two may not both take the last but one
            return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]

    def wait_for(self, number: int) -> list[Message]:
        wait_until(lambda: len(self.messages) >= number)
        return list(self.messages)

    def events(self, secret: str, number: int) -> list[dict[str, Any]]:
        """That many events, each verified."""
        return [message.verified(secret) for message in self.wait_for(number)]


def wait_until(condition: Callable[[], Any]) -> Any:
    """What a condition says as soon as it is true."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come true in time")


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver; while it is not `is_open`, it takes messages and does not answer."""
    receiver = Receiver()
    receiver.is_open.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = receiver.next_status()
            receiver.messages.append(Message(self.path, headers, body))
            receiver.is_open.wait(PATIENCE_S)
            self.send_response(status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if status != 204:
                self.wfile.write(receiver.answer)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/told"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.is_open.set()
        server.shutdown()
        server.server_close()
        thread.join()
