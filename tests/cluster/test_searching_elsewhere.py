"""Processes of a cluster find the same documents, whatever happens to their indexes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.kits import Cluster
from tests.server import ServerProcess, running_server, wait_for_batch

pytestmark = [pytest.mark.needs("postgres"), pytest.mark.slow]


@pytest.fixture
def two(tmp_path, installation) -> Iterator[list[ServerProcess]]:
    with ExitStack() as stack:
        started = [running_server(tmp_path / name, **installation) for name in ("one", "two")]
        yield [stack.enter_context(server) for server in started]


def ingest(server: ServerProcess, dataset: str, name: str, text: str) -> None:
    with server.http as http:
        file = ("files", (name, text.encode()))
        batch = http.post(f"/v1/datasets/{dataset}/documents", files=[file]).json()["batch_id"]
        assert wait_for_batch(http, batch)["ready"] == 1


def found(server: ServerProcess, dataset: str, query: str) -> list[str]:
    with server.http as http:
        answer = http.post(f"/v1/datasets/{dataset}/search", json={"query": query})
        assert answer.status_code == 200, answer.text
        return [hit["document_name"] for hit in answer.json()["hits"]]


def new_dataset(server: ServerProcess) -> str:
    with server.http as http:
        return http.post("/v1/datasets", json={"name": "Handbook"}).json()["id"]


def test_what_one_process_calls_ready_the_other_finds_at_once(two):
    dataset = new_dataset(two[0])
    for number in range(6):
        text = f"The code of room {number} is q{number}z."
        ingest(two[number % 2], dataset, f"{number}.md", text)
        for server in two:
            assert found(server, dataset, f"q{number}z")[0] == f"{number}.md"


def test_the_rest_goes_on_when_a_process_that_had_copies_is_killed(two):
    dataset = new_dataset(two[0])
    ingest(two[0], dataset, "before.md", "The code of the cellar is q1z.")
    assert found(two[1], dataset, "q1z") == ["before.md"]
    two[1].kill()

    ingest(two[0], dataset, "after.md", "The code of the attic is q2z.")

    assert found(two[0], dataset, "q2z")[0] == "after.md"


def test_searches_are_answered_while_chroma_is_away_and_after_it_lost_everything(
    two, cluster: Cluster
):
    dataset = new_dataset(two[0])
    ingest(two[0], dataset, "pump.md", "The pump stands in the hall.")
    ingest(two[0], dataset, "valve.md", "The valve is red.")
    whole = [found(server, dataset, "pump in the hall") for server in two]
    cluster.chroma.kill()
    assert [found(server, dataset, "pump in the hall") for server in two] == whole
    shutil.rmtree(cluster.chroma.folder)
    cluster.chroma.begin()

    assert [found(server, dataset, "pump in the hall") for server in two] == whole
    with two[0].http as http:
        mended = http.post("/v1/fsck", params={"repair": "true"}, timeout=120)
        assert mended.status_code == 200, mended.text
        assert http.post("/v1/fsck").json()["violations"] == []
    assert [found(server, dataset, "pump in the hall") for server in two] == whole
