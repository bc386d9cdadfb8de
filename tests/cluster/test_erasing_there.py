"""What is deleted in a cluster is erased from what is ours, on every process."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.server import running_server, wait_for_batch

pytestmark = [pytest.mark.needs("postgres"), pytest.mark.slow]

PATIENCE_S = 90


def status(http: httpx.Client, document: str) -> str:
    return str(http.get(f"/v1/documents/{document}/erasure").json()["status"])


def holding(folder: Path, word: bytes) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and word in path.read_bytes()]


def within_patience(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def test_an_erasure_ends_and_says_so(tmp_path, installation):
    settings = {**installation, "KB_MAINTENANCE__ERASE_AFTER_S": "0"}
    with (
        running_server(tmp_path / "one", **settings) as server,
        running_server(tmp_path / "two", "--no-ingest", **settings) as other,
        server.http as http,
        other.http as elsewhere,
    ):
        dataset = http.post("/v1/datasets", json={"name": "Handbook"}).json()["id"]
        text = b"# Storks\n\nThe ferruginous stork of Ararat nests on the northern gable.\n"
        sent = http.post(f"/v1/datasets/{dataset}/documents", files=[("files", ("s.md", text))])
        batch = wait_for_batch(http, sent.json()["batch_id"])
        document = batch["documents"][0]["document_id"]
        query = {"query": "ferruginous stork"}
        found = elsewhere.post(f"/v1/datasets/{dataset}/search", json=query).json()["hits"]
        assert found

        assert elsewhere.delete(f"/v1/documents/{document}").status_code == 204

        assert within_patience(lambda: status(http, document) == "erased")
        assert within_patience(lambda: not holding(tmp_path, b"ferruginous"))
