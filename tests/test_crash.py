"""kill -9 at random moments: what was acknowledged becomes ready, exactly once, and fsck agrees."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.server import ServerProcess, start_server, wait_for_batch

ROUNDS = 8
DOCUMENTS = 12


def text_of(number: int) -> str:
    words = " ".join(f"word{number}x{position}" for position in range(400))
    return f"# Document {number}\n\nMarker-{number} stands here.\n\n{words}.\n"


def upload_some(server: ServerProcess, dataset_id: str, first: int, acked: dict[str, str]) -> None:
    """Upload documents one by one until the server is gone; remember what it acknowledged."""
    with server.http as http:
        for number in range(first, first + DOCUMENTS):
            name = f"{number:04}.md"
            parts = [("files", (name, text_of(number).encode()))]
            try:
                answer = http.post(f"/v1/datasets/{dataset_id}/documents", files=parts)
            except httpx.TransportError:
                return
            if answer.status_code == 202:
                acked[name] = answer.json()["batch_id"]


def names_of(http: httpx.Client, dataset_id: str) -> list[tuple[str, str]]:
    found, cursor = [], None
    while True:
        query = {"limit": 200} | ({"cursor": cursor} if cursor else {})
        page = http.get(f"/v1/datasets/{dataset_id}/documents", params=query).json()
        found += [(item["name"], item["status"]) for item in page["data"]]
        cursor = page["next"]
        if cursor is None:
            return found


@pytest.mark.slow
def test_kill_9_at_random_moments_loses_and_doubles_nothing(tmp_path: Path):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    rng = random.Random(seed)
    data = tmp_path / "data"
    server = start_server(data)
    dataset_id = server.http.post("/v1/datasets", json={"name": "d"}).json()["id"]
    acked: dict[str, str] = {}
    for number in range(ROUNDS):
        args = (server, dataset_id, number * DOCUMENTS, acked)
        uploading = threading.Thread(target=upload_some, args=args)
        uploading.start()
        time.sleep(rng.uniform(0.02, 1.2))
        server.kill()
        uploading.join()
        server = start_server(data)
    try:
        with server.http as http:
            for batch_id in acked.values():
                assert wait_for_batch(http, batch_id)["ready"] == 1
            found = names_of(http, dataset_id)
            assert len({name for name, _ in found}) == len(found)
            assert {name for name, status in found if status == "ready"} >= set(acked)
            assert {status for _, status in found} == {"ready"}
            report = http.post("/v1/fsck").json()
            assert report["clean"], report
            for name in rng.sample(sorted(acked), min(5, len(acked))):
                marker = f"Marker-{int(name[:4])}"
                hits = http.post(
                    f"/v1/datasets/{dataset_id}/search", json={"query": marker, "top_k": 3}
                ).json()["hits"]
                assert [hit["document_name"] for hit in hits].count(name) >= 1
    finally:
        server.kill()


def test_fsck_notices_damage_and_repairs_what_is_derived(tmp_path: Path, kb):
    from ingest.upload import Incoming, accept
    from ingest.worker import Worker
    from kb.protocols import IndexKey
    from kb.types import Scope

    admin = Scope.admin()
    dataset = kb.create_dataset(admin, "d")
    worker = Worker(kb)
    worker.start()
    try:
        staged = [kb.originals.stage([text_of(n).encode()], max_bytes=10**6) for n in range(3)]
        incoming = [Incoming(f"{n}.md", item) for n, item in enumerate(staged)]
        accept(kb, admin, dataset.id, incoming)
        worker.notify()
        assert worker.wait_idle(30)
    finally:
        worker.stop()
    assert kb.fsck.run().is_clean

    key = IndexKey(dataset.id, 1)
    kb.vectors.remove(key, sorted(kb.vectors.ids(key))[:1])
    kb.keywords.upsert(key, [("ghost", "a ghost of a chunk")])
    assert {v.code for v in kb.fsck.run().violations} >= {"vector_index", "keyword_index"}
    repaired = kb.fsck.run(repair=True)
    assert repaired.is_clean
    assert repaired.repaired

    lost = kb.originals.path(staged[0].sha256)
    lost.unlink()
    assert [v.code for v in kb.fsck.run(repair=True).violations] == ["original_missing"]
