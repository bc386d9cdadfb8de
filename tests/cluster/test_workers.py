"""`kb worker` processes beside a server that only answers: killed, drained, told twice to end."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from kb.store.work.processes import DEAD_S
from tests.server import running_server, running_worker, wait_for_batch

pytestmark = [pytest.mark.needs("postgres"), pytest.mark.slow]

PATIENCE_S = 120
DOCUMENTS = 24
PARAGRAPH = "The keeper of the lighthouse writes down every ship that passes. "


@pytest.fixture
def server(tmp_path: Path, installation: dict[str, str]) -> Iterator[httpx.Client]:
    """A server that does not index."""
    data = tmp_path / "api"
    with running_server(data, "--no-ingest", **installation) as running, running.http as http:
        yield http


@pytest.fixture
def rows(installation: dict[str, str]) -> Iterator[Callable[..., list[Any]]]:
    """Runs one statement in the database that all share."""
    with psycopg.connect(installation["KB_DATABASE__URL"], autocommit=True) as connection:

        def run(statement: str, *values: object) -> list[Any]:
            cursor = connection.execute(statement, values)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

        yield run


def upload(http: httpx.Client) -> tuple[str, str]:
    """Documents that take a while; returns the ids of their dataset and batch."""
    dataset = http.post("/v1/datasets", json={"name": "ships"}).json()["id"]
    files = [
        ("files", (f"{n}.md", f"# Marker{n}\n\n" + f"{n} {PARAGRAPH}" * 1500))
        for n in range(DOCUMENTS)
    ]
    answer = http.post(f"/v1/datasets/{dataset}/documents", files=files)
    assert answer.status_code == 202
    return dataset, answer.json()["batch_id"]


def wait_until_in_hand(rows: Callable[..., list[Any]]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not rows("SELECT 1 FROM queue WHERE owner IS NOT NULL"):
        assert time.monotonic() < deadline, "no worker has claimed anything"
        time.sleep(0.01)


def check_whole(http: httpx.Client, dataset: str, batch: str, rows: Callable[..., Any]) -> None:
    """Each document is there once, found, and nothing is left to do."""
    assert wait_for_batch(http, batch, PATIENCE_S)["ready"] == DOCUMENTS
    listed = http.get(f"/v1/datasets/{dataset}/documents?limit=200").json()["data"]
    assert sorted(each["name"] for each in listed) == sorted(f"{n}.md" for n in range(DOCUMENTS))
    for number in (0, DOCUMENTS - 1):
        body = {"query": f"Marker{number}", "top_k": 1}
        (hit,) = http.post(f"/v1/datasets/{dataset}/search", json=body).json()["hits"]
        assert hit["document_name"] == f"{number}.md"
    assert rows("SELECT count(*) FROM queue") == [(0,)]
    assert http.post("/v1/fsck").json()["violations"] == []


def test_what_a_worker_had_in_hand_when_it_was_killed_is_finished_by_another(
    server, rows, installation, tmp_path
):
    dataset, batch = upload(server)
    assert rows("SELECT count(*) FROM queue WHERE owner IS NULL") == [(DOCUMENTS,)]
    with running_worker(tmp_path / "one", **installation) as killed:
        wait_until_in_hand(rows)
        killed.kill()
        killed.wait()
    rows("UPDATE processes SET beat = beat - %s WHERE id IN (SELECT owner FROM queue)", DEAD_S + 1)
    with running_worker(tmp_path / "other", **installation) as alive:
        check_whole(server, dataset, batch, rows)
        assert alive.poll() is None


def test_a_worker_that_is_told_to_end_gives_back_what_it_had_without_a_try(
    server, rows, installation, tmp_path
):
    dataset, batch = upload(server)
    with running_worker(tmp_path / "one", **installation) as drained:
        wait_until_in_hand(rows)
        drained.send_signal(signal.SIGTERM)
        assert drained.wait(PATIENCE_S) == 0
    assert rows("SELECT count(*) FROM queue WHERE owner IS NOT NULL OR attempts > 0") == [(0,)]
    assert rows("SELECT count(*) FROM queue")[0][0] > 0, "it was in the middle"
    with running_worker(tmp_path / "other", **installation):
        check_whole(server, dataset, batch, rows)


def test_a_worker_that_is_told_twice_ends_at_once(server, rows, installation, tmp_path):
    upload(server)
    with ExitStack() as stack:
        process = stack.enter_context(running_worker(tmp_path / "one", **installation))
        wait_until_in_hand(rows)
        rows("BEGIN")
        rows("LOCK TABLE queue IN ACCESS EXCLUSIVE MODE")  # it cannot give anything back
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == -signal.SIGTERM
        rows("ROLLBACK")


def test_a_worker_tells_prometheus_what_it_did_and_nothing_else_to_anybody(
    server, installation, tmp_path
):
    made = server.post("/v1/keys", json={"kind": "metrics", "name": "prometheus"}).json()
    numbers = {"authorization": f"Bearer {made['key']}"}
    data = tmp_path / "worker"
    with running_worker(data, "--port", "0", **installation) as worker:
        with httpx.Client(base_url=address_in(data.with_suffix(".log"))) as http:
            _, batch = upload(server)
            assert wait_for_batch(server, batch, PATIENCE_S)["ready"] == DOCUMENTS
            assert http.get("/healthz").json()["status"] == "ok"
            assert http.get("/readyz").json()["checks"]["database"] is True
            assert http.get("/metrics").status_code == 401
            told = http.get("/metrics", headers=numbers).text
            admin = {"authorization": server.headers["authorization"]}
            assert http.get("/v1/datasets", headers=admin).status_code == 404
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=PATIENCE_S) == 0
    assert f'kb_ingest_seconds_count{{stage="read"}} {DOCUMENTS}.0' in told
    assert f"kb_queue_age_seconds_count {DOCUMENTS}.0" in told


def address_in(log: Path) -> str:
    """Where a worker says that it answers."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := re.search(r"http://\S+(?=/readyz)", log.read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found[0]
