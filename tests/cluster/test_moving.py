"""`kb move`: a folder that was worked with goes to servers and comes back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.kits import Cluster
from tests.server import ROOT, environment, running_server, wait_for_batch

pytestmark = [pytest.mark.needs("postgres"), pytest.mark.slow]

TEXT = b"# Leave\n\nEmployees have 25 days of paid leave a year."


def kb(data_dir: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli", *words]
    return subprocess.run(
        command,
        env=environment(data_dir, **settings),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def fill(http: httpx.Client) -> None:
    dataset = http.post("/v1/datasets", json={"name": "Handbook"}).json()["id"]
    file = ("files", ("leave.md", TEXT))
    batch = http.post(f"/v1/datasets/{dataset}/documents", files=[file]).json()["batch_id"]
    assert wait_for_batch(http, batch)["ready"] == 1
    http.post("/v1/apps", json={"slug": "hr", "name": "HR"})
    http.put("/v1/apps/hr/draft", json={"dataset_ids": [dataset]})
    assert http.post("/v1/apps/hr/publish").status_code == 201


def new_key(http: httpx.Client) -> str:
    answer = http.post("/v1/keys", json={"kind": "admin", "name": "before the move"})
    return str(answer.json()["key"])


def check_all_is_there(http: httpx.Client, key: str) -> None:
    """The old key is good, the document is found and can be downloaded, and nothing is wrong."""
    http.headers["authorization"] = f"Bearer {key}"
    (dataset,) = http.get("/v1/datasets").json()["data"]
    (document,) = http.get(f"/v1/datasets/{dataset['id']}/documents").json()["data"]
    assert http.get(f"/v1/documents/{document['id']}/original").content == TEXT
    asked = {"query": "How many days of paid leave?", "stream": False}
    answer = http.post("/v1/apps/hr/chat", json=asked).json()
    assert answer["citations"][0]["document_name"] == "leave.md"
    assert http.post("/v1/fsck").json()["violations"] == []


def test_a_folder_moves_to_servers_and_back_with_its_keys_and_originals(
    tmp_path: Path, cluster: Cluster
):
    old, new = tmp_path / "old", tmp_path / "new"
    with running_server(old) as server, server.http as http:
        fill(http)
        key = new_key(http)
        server.stop()
    with cluster.postgres.database() as url:
        servers = cluster.settings(url) | {
            "KB_SECRET_KEY": (old / "secret.key").read_text().strip()
        }
        blobs = {name: value for name, value in servers.items() if name.startswith("KB_BLOBS__")}
        bucket = blobs.pop("KB_BLOBS__URL")

        moved = kb(old, "move", "--to", url, "--originals", bucket, **blobs)
        assert moved.returncode == 0, moved.stderr
        with running_server(tmp_path / "node", **servers) as server, server.http as http:
            check_all_is_there(http, key)
            server.stop()

        secret = {"KB_SECRET_KEY": servers["KB_SECRET_KEY"]}
        back = kb(new, "move", "--from", url, "--originals", bucket, **blobs, **secret)
        assert back.returncode == 0, back.stderr
    with running_server(new) as server, server.http as http:
        check_all_is_there(http, key)
        server.stop()


def test_a_folder_that_is_in_use_or_has_another_secret_is_not_moved(
    tmp_path: Path, cluster: Cluster
):
    there = ("--to", "postgresql://127.0.0.1:9/none", "--originals", cluster.s3.url())
    with running_server(tmp_path / "data") as server:
        refused = kb(tmp_path / "data", "move", *there)
        assert "Another process" in refused.stderr or "already" in refused.stderr
        server.stop()
    refused = kb(tmp_path / "data", "move", *there, KB_SECRET_KEY="0" * 64)
    assert "KB_SECRET_KEY is not the secret" in refused.stderr
    refused = kb(tmp_path / "data", "move", *there)
    assert "database server cannot be used" in refused.stderr
    assert refused.returncode == 1
