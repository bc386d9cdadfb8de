"""One process of a cluster does what a server of one folder does."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.server import running_server, wait_for_batch

pytestmark = pytest.mark.needs("postgres")


def test_what_is_uploaded_is_answered_with_its_citation(tmp_path, installation):
    with running_server(tmp_path / "node", **installation) as server, server.http as http:
        dataset = http.post("/v1/datasets", json={"name": "Handbook"}).json()["id"]
        file = ("files", ("leave.md", b"# Leave\n\nEmployees have 25 days of paid leave a year."))
        batch = http.post(f"/v1/datasets/{dataset}/documents", files=[file]).json()["batch_id"]
        assert wait_for_batch(http, batch)["ready"] == 1
        http.post("/v1/apps", json={"slug": "hr", "name": "HR"})
        http.put("/v1/apps/hr/draft", json={"dataset_ids": [dataset]})
        assert http.post("/v1/apps/hr/publish").status_code == 201
        asked = {"query": "How many days of paid leave?", "stream": False}
        answer = http.post("/v1/apps/hr/chat", json=asked).json()
        assert "25 days" in answer["answer"]
        assert answer["citations"][0]["document_name"] == "leave.md"
        assert http.post("/v1/fsck").json()["violations"] == []
        server.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ranks single threads")
def test_who_fetches_an_original_does_not_rank_with_the_background(tmp_path, installation):
    with running_server(tmp_path / "node", **installation) as server, server.http as http:
        assert http.get("/readyz").json()["checks"]["originals"]
        tasks = Path(f"/proc/{server.process.pid}/task").iterdir()
        fetching = [task for task in tasks if "tokio" in (task / "comm").read_text()]
        ranks = {os.getpriority(os.PRIO_PROCESS, int(task.name)) for task in fetching}
        server.stop()
    assert ranks == {os.nice(0)}
