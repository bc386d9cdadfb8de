"""`kill -9` in the middle of re-indexing and of erasing: both go on at the next start."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.server import ServerProcess, running_server, start_server, wait_for_batch

pytestmark = pytest.mark.slow

SECRET = "Zanzibar kumquat protocol: the northern vault — 北方金库 — opens on Thursday"
DOCUMENTS = 64


def files() -> dict[str, str]:
    return {
        f"{n}.md": f"# Report {n}\n\n" + f"Buoy {n} swims in the harbour of mark {n}. " * 20
        for n in range(DOCUMENTS)
    }


def uploaded(http: httpx.Client, dataset: str, contents: dict[str, str]) -> dict[str, str]:
    """Name → id of documents that are searchable."""
    parts = [("files", (name, text.encode())) for name, text in contents.items()]
    answer = http.post(f"/v1/datasets/{dataset}/documents", files=parts).json()
    wait_for_batch(http, answer["batch_id"])
    return {item["name"]: item["document_id"] for item in answer["accepted"]}


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def names(http: httpx.Client, dataset: str, query: str, **fields: object) -> set[str]:
    body = {"query": query, "top_k": 50, **fields}
    hits = http.post(f"/v1/datasets/{dataset}/search", json=body).json()["hits"]
    return {hit["document_name"] for hit in hits}


def begun(data: Path, **settings: str) -> tuple[ServerProcess, str]:
    server = start_server(data, **settings)
    return server, server.http.post("/v1/datasets", json={"name": "d"}).json()["id"]


def test_a_generation_is_built_to_the_end_after_a_kill_in_the_middle(tmp_path: Path):
    server, dataset = begun(tmp_path / "data")
    with server.http as http:
        uploaded(http, dataset, files())
        split = {"split": {"max_tokens": 24}}
        http.post(f"/v1/datasets/{dataset}/reindex", json={"processing": split})
        path = f"/v1/datasets/{dataset}/generations/2"
        until(lambda: http.get(path).json()["ready"] > 0)
    server.kill()

    with running_server(server.data_dir) as again, again.http as http:
        left = http.get(path).json()
        assert (left["status"], left["pending"] > 0) == ("building", True)
        assert "7.md" in names(http, dataset, "buoy 7 mark 7")
        until(lambda: http.get(path).json()["status"] == "ready")
        http.post(f"/v1/datasets/{dataset}/switch", json={"generation": 2}).raise_for_status()
        assert "7.md" in names(http, dataset, "buoy 7 mark 7")
        http.post(f"/v1/datasets/{dataset}/rollback").raise_for_status()
        assert http.post("/v1/fsck").json()["violations"] == []


@pytest.mark.one_folder
def test_erasing_goes_on_after_a_kill_in_the_middle(tmp_path: Path):
    soon = {"KB_MAINTENANCE__ERASE_AFTER_S": "0"}
    server, dataset = begun(tmp_path / "data", **soon)
    with server.http as http:
        ids = uploaded(http, dataset, {**files(), "secret.md": SECRET})
        lost = traces(server.data_dir, ids["secret.md"])
        assert found(server.data_dir, lost)
        receipt = http.delete(f"/v1/documents/{ids['secret.md']}").headers["location"]
        until(lambda: any((server.data_dir / "index").glob("*/*/*.new")))
    server.kill()
    assert found(server.data_dir, lost)

    with running_server(server.data_dir, **soon) as again, again.http as http:
        assert "secret.md" not in names(http, dataset, SECRET)
        until(lambda: http.get(receipt).json()["status"] == "erased")
        assert found(again.data_dir, lost) == []
        assert not any((again.data_dir / "index").glob("*/*/*.new"))
        assert "7.md" in names(http, dataset, "buoy 7 mark 7")
        assert http.post("/v1/fsck").json()["violations"] == []


def traces(data: Path, document_id: str) -> list[bytes]:
    """The text as files may hold it, and its vectors."""
    database = sqlite3.connect(f"file:{data / 'kb.db'}?mode=ro", uri=True)
    query = (
        "SELECT vector FROM embeddings JOIN chunks USING (text_hash) WHERE chunks.document_id = ?"
    )
    vectors = [row[0] for row in database.execute(query, (document_id,))]
    database.close()
    assert vectors
    words = [SECRET.encode(), SECRET.encode("utf-16-le"), json.dumps(SECRET).encode()]
    return [*words, *vectors]


def found(data: Path, pieces: list[bytes]) -> list[str]:
    return [
        path.name
        for path in data.rglob("*")
        if path.is_file() and any(piece in path.read_bytes() for piece in pieces)
    ]
