"""Bulk by real processes: `kb ingest` of a zip, and kill -9 while archives are expanded."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.ingest.readers.office_samples import zipped
from tests.server import environment, start_server, wait_for_batch

MEMBERS = 600


def members(number: int, mark: str) -> dict[str, str | bytes]:
    return {f"{mark}/第{n:04}回.md": f"Marker-{mark}-{n} stands here." for n in range(number)}


def test_kb_ingest_takes_zips_beside_folders(tmp_path: Path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "plain.md").write_text("Plain text.")
    archive = tmp_path / "some.zip"
    files = {**members(25, "a"), "broken.bin": b"\x7fELF\x02\x01\x01\x00"}
    archive.write_bytes(zipped(files))

    done = subprocess.run(
        [sys.executable, "-m", "cli", "ingest", "some.zip", "folder", "--dataset", "d", "--json"],
        env=environment(tmp_path / "data"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["ready"] == 26
    assert [(i["name"], i["code"]) for i in outcome["failed"]] == [
        ("broken.bin", "unsupported_media_type")
    ]


@pytest.mark.slow
def test_kill_9_while_archives_are_expanded_makes_each_member_once(tmp_path: Path):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    rng = random.Random(seed)
    data = tmp_path / "data"
    server = start_server(data)
    dataset_id = server.http.post("/v1/datasets", json={"name": "d"}).json()["id"]
    path = f"/v1/datasets/{dataset_id}/documents"
    batches = {}
    for mark in "abc":
        files = {"files": (f"{mark}.zip", zipped(members(MEMBERS, mark)))}
        answer = server.http.post(path, files=files)
        assert answer.status_code == 202
        batches[mark] = answer.json()["batch_id"]
        time.sleep(rng.uniform(0, 0.6))
        server.kill()
        server = start_server(data)
    try:
        for mark, batch_id in batches.items():
            batch = wait_for_batch(server.http, batch_id, 180)
            assert (batch["total"], batch["ready"]) == (MEMBERS, MEMBERS)
            assert {item["name"] for item in batch["documents"]} == set(members(MEMBERS, mark))
        counted = server.http.get(f"/v1/datasets/{dataset_id}").json()["documents"]
        assert counted == {"ready": 3 * MEMBERS}
        report = server.http.post("/v1/fsck").json()
        assert report["clean"], report
        query = {"query": "Marker-b-17", "mode": "keyword", "top_k": 3}
        hits = server.http.post(f"/v1/datasets/{dataset_id}/search", json=query).json()["hits"]
        assert hits[0]["document_name"] == "b/第0017回.md"
    finally:
        server.kill()
