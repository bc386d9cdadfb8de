"""The receiver that the page shows takes what is ours, and refuses what is not."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx

from tests.api.serving import Served
from tests.docs.pages import fences, page
from tests.webhook_receiver import wait_until


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def is_up(url: str) -> bool:
    try:
        return httpx.post(url, content=b"{}", timeout=5).status_code == 400
    except httpx.TransportError:
        return False


def test_the_receiver_of_the_page(served: Served, tmp_path: Path):
    script = tmp_path / "receiver.py"
    script.write_text(next(fences(page("docs/using/webhooks.md"), "python")))
    port = free_port()
    url = f"http://127.0.0.1:{port}/told"
    hook = served.post("/v1/webhooks", {"url": url, "events": ["document.ready"]})
    environment = {**os.environ, "PORT": str(port), "WEBHOOK_SECRET": hook["secret"]}
    command = [sys.executable, str(script)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            wait_until(lambda: is_up(url))
            sent = served.post(f"/v1/webhooks/{hook['id']}/test", status=202)
            assert process.stdout is not None
            told = process.stdout.readline()
        finally:
            process.kill()
    assert told.split()[:2] == [sent["id"], "webhook.test"]
