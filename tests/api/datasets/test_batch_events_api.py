"""The progress of an upload as a stream: every document to its end, then one last event."""

from __future__ import annotations

from typing import Any

import httpx

from tests.api.serving import Served
from tests.server import frames


def start(served: Served, name: str, files: dict[str, bytes]) -> str:
    dataset_id = served.new_dataset(name)
    parts = [("files", part) for part in files.items()]
    answer = served.http.post(f"/v1/datasets/{dataset_id}/documents", files=parts)
    return answer.json()["batch_id"]


def follow(http: httpx.Client, path: str, **kwargs: Any) -> list[tuple[int, str, Any]]:
    with http.stream("GET", path, **kwargs) as answer:
        return list(frames(answer))


def test_every_document_is_followed_to_its_end(served: Served):
    files = {f"{n}.md": f"Number {n}.".encode() for n in range(20)} | {"x.pdf": b"%PDF-1.7\nbroken"}
    batch_id = start(served, "followed", files)

    seen = follow(served.http, f"/v1/batches/{batch_id}/events")

    assert [number for number, _, _ in seen] == list(range(1, len(seen) + 1))
    assert {name for _, name, _ in seen} == {"document", "progress", "batch.completed"}
    assert [name for _, name, _ in seen].count("batch.completed") == 1
    last = seen[-1][2]
    assert seen[-1][1] == "batch.completed"
    assert (last["total"], last["ready"], last["failed"]) == (21, 20, 1)
    final = {data["name"]: data for _, name, data in seen if name == "document"}
    assert {name for name, data in final.items() if data["status"] == "ready"} == set(files) - {
        "x.pdf"
    }
    assert final["x.pdf"]["status"] == "failed"
    assert final["x.pdf"]["error"]["code"]
    assert last == served.http.get(f"/v1/batches/{batch_id}").json()
    assert last["status"] == "completed"


def test_a_client_that_comes_back_is_told_the_present_state(served: Served):
    batch_id = start(served, "come back", {"a.md": b"Alpha."})
    follow(served.http, f"/v1/batches/{batch_id}/events")

    again = follow(served.http, f"/v1/batches/{batch_id}/events", headers={"last-event-id": "7"})

    assert [(number, name) for number, name, _ in again] == [
        (8, "document"),
        (9, "progress"),
        (10, "batch.completed"),
    ]
    assert served.http.get("/v1/batches/batch_none/events").status_code == 404
