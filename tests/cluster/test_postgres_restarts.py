"""A Postgres that crashes and comes back under a server that is working."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.kits import Cluster
from tests.parts import PATIENCE_S
from tests.server import ServerProcess, running_server

pytestmark = [pytest.mark.needs("postgres"), pytest.mark.slow]

CRASHES = 3


class Uploads:
    """Uploads one small document after the other, and notes what is said to each."""

    def __init__(self, server: ServerProcess, dataset: str) -> None:
        self._server = server
        self._dataset = dataset
        self._is_enough = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(3)]
        self.acknowledged = list[str]()
        self.refused = list[httpx.Response]()

    def __enter__(self) -> Uploads:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_enough.set()
        for thread in self._threads:
            thread.join()

    def wait_for_more(self, number: int) -> None:
        before = len(self.acknowledged)
        deadline = time.monotonic() + PATIENCE_S
        while len(self.acknowledged) < before + number:
            assert time.monotonic() < deadline, "nothing is taken any more"
            self._is_enough.wait(0.02)

    def _run(self, own: int) -> None:
        number = 0
        with self._server.http as http:
            while not self._is_enough.is_set():
                name, number = f"{own}-{number}.md", number + 1
                files = [("files", (name, f"Rain falls on day {name}.".encode()))]
                answer = http.post(f"/v1/datasets/{self._dataset}/documents", files=files)
                if answer.status_code == 202:
                    self.acknowledged.append(name)
                else:
                    self.refused.append(answer)


def every_document(http: httpx.Client, dataset: str) -> list[dict[str, str]]:
    found, cursor = list[dict[str, str]](), None
    while True:
        params = {"limit": 500, **({"cursor": cursor} if cursor else {})}
        page = http.get(f"/v1/datasets/{dataset}/documents", params=params).json()
        found += page["data"]
        if (cursor := page.get("next")) is None:
            return found


def test_what_was_acknowledged_is_indexed_once_however_often_postgres_crashes(
    tmp_path: Path, cluster: Cluster, installation: dict[str, str]
):
    with running_server(tmp_path / "node", **installation) as server, server.http as http:
        dataset = http.post("/v1/datasets", json={"name": "Days"}).json()["id"]
        with Uploads(server, dataset) as uploads:
            for _ in range(CRASHES):
                uploads.wait_for_more(5)
                cluster.postgres.stop()
                away = http.get("/v1/datasets")
                assert (away.status_code, away.json()["code"]) == (503, "database_unavailable")
                assert away.headers["retry-after"]
                cluster.postgres.start()
            uploads.wait_for_more(5)
        codes = {(each.status_code, each.json()["code"]) for each in uploads.refused}
        assert codes <= {(503, "database_unavailable")}

        deadline = time.monotonic() + 2 * PATIENCE_S
        while {each["status"] for each in every_document(http, dataset)} != {"ready"}:
            assert time.monotonic() < deadline, "a document is stuck"
            time.sleep(0.5)
        names = [each["name"] for each in every_document(http, dataset)]
        assert len(names) == len(set(names))
        assert set(uploads.acknowledged) <= set(names)
        assert http.post("/v1/fsck").json()["violations"] == []
        assert "Traceback" not in server.log.read_text()
        server.stop()
