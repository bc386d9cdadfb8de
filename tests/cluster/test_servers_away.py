"""Which server of a cluster is missing is said, and the process that misses it goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from kb.upkeep import servers
from tests.kits import Cluster
from tests.server import ServerProcess, running_server, wait_for_batch
from tests.severed import Line

pytestmark = [pytest.mark.needs("postgres"), pytest.mark.slow]


@pytest.fixture
def node(tmp_path: Path, installation: dict[str, str]) -> Iterator[ServerProcess]:
    with running_server(tmp_path / "node", **installation) as started:
        yield started


def until(node: ServerProcess, status: int, **checks: bool) -> None:
    """Wait until `/readyz` says so."""
    deadline = time.monotonic() + 4 * servers.LOOK_S
    while True:
        answer = httpx.get(f"{node.url}/readyz", timeout=30)
        said = answer.json()["checks"]
        if answer.status_code == status and checks.items() <= said.items():
            return
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.2)


def test_a_missing_store_is_named_and_questions_go_on(node: ServerProcess, cluster: Cluster):
    until(node, 200, database=True, vectors=True, originals=True)
    cluster.s3.kill()
    try:
        until(node, 200, originals=False, vectors=True)
        with node.http as http:
            metrics = http.get("/metrics").text
        assert 'kb_server_reached{keeps="originals"} 0.0' in metrics
        assert 'kb_server_reached{keeps="vectors"} 1.0' in metrics
    finally:
        cluster.s3.start()
    until(node, 200, originals=True)


def test_without_its_database_a_process_is_not_ready(node: ServerProcess, cluster: Cluster):
    cluster.postgres.stop()
    try:
        until(node, 503, database=False)
    finally:
        cluster.postgres.start()
    until(node, 200, database=True)


def test_a_database_that_says_nothing_is_missing_and_requests_end(
    tmp_path: Path, cluster: Cluster, installation: dict[str, str]
):
    line = Line(cluster.postgres.port)
    url = installation["KB_DATABASE__URL"]
    there = {"KB_DATABASE__URL": url.replace(f":{cluster.postgres.port}/", f":{line.port}/")}
    with running_server(tmp_path / "node", **installation | there) as node, node.http as http:
        line.hold()
        until(node, 503, database=False)
        asked = [http.get("/v1/datasets"), http.post("/v1/datasets", json={"name": "sky"})]
        line.go_on()
        until(node, 200, database=True)
        assert {(each.status_code, each.json()["code"]) for each in asked} == {
            (503, "database_unavailable")
        }
        assert http.post("/v1/datasets", json={"name": "sky"}).status_code == 201
        node.stop()
    line.close()


def test_a_chroma_that_says_nothing_is_missing_and_searches_find_the_same(
    tmp_path: Path, cluster: Cluster, installation: dict[str, str]
):
    here = {**installation, "KB_CHROMA__TIMEOUT_S": "2"}
    with running_server(tmp_path / "node", **here) as node, node.http as http:
        dataset_id = with_documents(http)

        def search(_: int) -> list[str]:
            body = {"query": "the pump is described", "mode": "vector", "min_score": 0}
            answer = http.post(f"/v1/datasets/{dataset_id}/search", json=body).raise_for_status()
            return [hit["document_name"] for hit in answer.json()["hits"]]

        whole = search(0)
        cluster.chroma.pause()
        try:
            with ThreadPoolExecutor(8) as pool:
                assert list(pool.map(search, range(24))) == [whole] * 24
            until(node, 200, vectors=False, originals=True)
        finally:
            cluster.chroma.resume()
        until(node, 200, vectors=True)
        assert search(0) == whole


def test_a_store_that_says_nothing_is_missing_and_what_was_refused_can_come_again(
    node: ServerProcess, cluster: Cluster
):
    with node.http as http:
        dataset_id = with_documents(http)
        to = f"/v1/datasets/{dataset_id}/documents"

        def upload(number: int) -> httpx.Response:
            return http.post(to, files={"files": (f"new{number}.md", f"New {number}.".encode())})

        cluster.s3.pause()
        try:
            with ThreadPoolExecutor(8) as pool:
                refused = list(pool.map(upload, range(16)))
            until(node, 200, vectors=True, originals=False)
            asked = http.post(f"/v1/datasets/{dataset_id}/search", json={"query": "pump"})
            assert asked.json()["hits"]
        finally:
            cluster.s3.resume()
        assert {(each.status_code, each.json()["code"]) for each in refused} == {
            (503, "storage_unavailable")
        }
        until(node, 200, originals=True)
        for number in range(16):
            batch = wait_for_batch(http, upload(number).raise_for_status().json()["batch_id"])
            assert batch["ready"] == 1, batch


def with_documents(http: httpx.Client) -> str:
    """A dataset with some, ready."""
    dataset_id: str = http.post("/v1/datasets", json={"name": "manuals"}).json()["id"]
    files = [("files", (f"{each}.md", f"The {each} is described.")) for each in ("pump", "valve")]
    answer = http.post(f"/v1/datasets/{dataset_id}/documents", files=files).raise_for_status()
    wait_for_batch(http, answer.json()["batch_id"])
    return dataset_id
