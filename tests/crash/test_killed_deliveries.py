"""A server that is killed before a receiver has taken an event sends it after the next start."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.server import running_server, start_server, wait_for_batch
from tests.webhook_receiver import receiving, wait_until

pytestmark = pytest.mark.slow  # starts two servers


def test_an_event_that_was_under_way_is_sent_after_a_kill(tmp_path: Path):
    data = tmp_path / "data"
    with receiving() as receiver:
        receiver.is_open.clear()
        server = start_server(data)
        with server.http as http:
            asked = {"url": receiver.url, "events": ["document.ready", "batch.completed"]}
            hook = http.post("/v1/webhooks", json=asked).json()
            dataset = http.post("/v1/datasets", json={"name": "d"}).json()["id"]
            parts = [("files", ("a.md", b"Alpha is one."))]
            sent = http.post(f"/v1/datasets/{dataset}/documents", files=parts).json()
            wait_for_batch(http, sent["batch_id"])
        before = {message.id for message in receiver.wait_for(2)}
        server.kill()

        receiver.is_open.set()
        receiver.messages.clear()
        with running_server(data) as again, again.http as http:
            path = f"/v1/webhooks/{hook['id']}/deliveries?status=delivered"
            delivered = wait_until(lambda: len(http.get(path).json()["data"]) == 2)
            events = receiver.events(hook["secret"], 2)
        assert delivered
        assert {message.id for message in receiver.messages} == before
        assert {event["type"] for event in events} == {"document.ready", "batch.completed"}
