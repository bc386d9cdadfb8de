"""Re-indexing and erasing over HTTP, as scripts and `kb` commands use them."""

from __future__ import annotations

from typing import Any

import httpx

from tests.api.serving import Served
from tests.server import frames

FILES = {"moon.md": "The moon rises at nine. " * 20, "tide.md": "The tide turns at ten. " * 20}
SMALL = {"processing": {"split": {"max_tokens": 16}}}


def events(http: httpx.Client, path: str) -> list[tuple[str, Any]]:
    with http.stream("GET", path) as answer:
        return [(name, data) for _, name, data in frames(answer)]


def generations_found(http: httpx.Client, dataset: str, **body: Any) -> set[str]:
    answer = http.post(f"/v1/datasets/{dataset}/search", json={"query": "moon", **body})
    assert answer.status_code == 200, answer.text
    return {hit["chunk_id"].split(".")[2] for hit in answer.json()["hits"]}


def test_a_dataset_is_reindexed_compared_switched_and_rolled_back(served: Served):
    http, dataset = served.http, served.new_dataset("beside", FILES)
    path = f"/v1/datasets/{dataset}"
    made = served.post(f"{path}/reindex", SMALL, status=202)
    assert (made["generation"], made["status"], made["documents"]) == (2, "building", 2)

    told = list(events(http, f"{path}/generations/2/events"))
    assert {name for name, _ in told[:-1]} <= {"progress"}
    last, state = told[-1]
    assert (last, state["status"], state["ready"]) == ("generation.ready", "ready", 2)

    first, second = http.get(f"{path}/generations").json()["data"]
    assert (first["status"], second["status"]) == ("live", "ready")
    assert second["processing"]["split"]["max_tokens"] == 16
    assert second["chunks"] > first["chunks"]
    assert generations_found(http, dataset) == {"1"}
    assert generations_found(http, dataset, generation=2) == {"2"}

    assert served.post(f"{path}/switch", {"generation": 2}, status=200)["generation"] == 2
    assert generations_found(http, dataset) == {"2"}
    assert http.get(f"{path}/generations/1").json()["status"] == "retired"
    assert served.post(f"{path}/rollback", status=200)["generation"] == 1
    assert generations_found(http, dataset) == {"1"}
    assert http.delete(f"{path}/generations/1").status_code == 409
    assert http.delete(f"{path}/generations/2").status_code == 204
    assert http.get(f"{path}/generations/2").status_code == 404


def test_only_an_admin_key_reindexes_or_searches_another_generation(served: Served):
    dataset = served.new_dataset("guarded", FILES)
    http = served.with_new_key(kind="dataset", dataset_ids=[dataset])
    path = f"/v1/datasets/{dataset}"
    refused = [
        http.post(f"{path}/reindex", json={}),
        http.post(f"{path}/switch", json={"generation": 1}),
        http.post(f"{path}/rollback"),
        http.post(f"{path}/search", json={"query": "m", "generation": 1}),
        http.delete(f"{path}/generations/1"),
        http.post("/v1/erase"),
    ]
    assert [answer.status_code for answer in refused] == [403] * 6
    assert http.get(f"{path}/generations").status_code == 200


def test_what_cannot_be_built_is_refused(served: Served):
    path = f"/v1/datasets/{served.new_dataset('refused', FILES)}"
    for body in ({"embedder": "nobody/has-this"}, {"procesing": {}}, {"embedder": ""}):
        answer = served.http.post(f"{path}/reindex", json=body)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert served.http.post(f"{path}/switch", json={"generation": 7}).status_code == 404
    assert served.http.post(f"{path}/rollback").status_code == 409
    refused = served.http.patch(path, json=SMALL)
    assert "kb reindex" in refused.json()["detail"]


def test_a_deletion_has_a_receipt(served: Served):
    dataset = served.new_dataset("shredded")
    ids = served.upload(dataset, FILES)
    gone = served.http.delete(f"/v1/documents/{ids['moon.md']}")
    assert gone.status_code == 204
    where = gone.headers["location"]
    receipt = served.http.get(where).json()
    assert (receipt["status"], receipt["erased_at"], receipt["checks"]) == ("pending", None, [])

    assert served.post("/v1/erase", status=200) == {"erased": 1, "pending": 0}
    receipt = served.http.get(where).json()
    assert (receipt["status"], receipt["dataset_id"]) == ("erased", dataset)
    looked_at = {check["what"] for check in receipt["checks"]}
    assert looked_at == {"rows", "originals", "indexes", "answers", "database", "bytes"}
    stranger = served.with_new_key(kind="dataset", dataset_ids=[served.new_dataset("mine")])
    assert stranger.get(where).status_code == 404
    assert served.http.get(f"/v1/documents/{ids['tide.md']}/erasure").status_code == 404
