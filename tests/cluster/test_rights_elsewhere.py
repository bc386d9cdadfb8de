"""What one process takes away, no other one gives any more: each asks the rows, every time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.fake_models import running_fake_server
from tests.server import frames, running_server, wait_for_batch

pytestmark = [pytest.mark.needs("postgres"), pytest.mark.slow]

ASKED = {"query": "When does the moon rise?"}


@pytest.fixture(scope="module")
def two(cluster, tmp_path_factory) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """Clients of two API processes; the second one is without a key."""
    folder = tmp_path_factory.mktemp("nodes")
    with (
        cluster.installation() as shared,
        running_server(folder / "one", **shared) as one,
        running_server(folder / "two", "--no-ingest", **shared) as other,
        one.http as http,
        httpx.Client(base_url=other.url, timeout=60) as elsewhere,
    ):
        yield http, elsewhere


def post(http: httpx.Client, path: str, **body: Any) -> dict[str, Any]:
    made: dict[str, Any] = http.post(path, json=body).raise_for_status().json()
    return made


def test_a_document_is_gone_at_once_with_its_label_itself_and_the_key(two):
    http, other = two
    dataset = post(http, "/v1/datasets", name="sky")["id"]
    sent = {"files": ("moon.md", b"The moon rises at nine.")}
    batch = http.post(f"/v1/datasets/{dataset}/documents", files=sent).json()["batch_id"]
    document = "/v1/documents/" + wait_for_batch(http, batch)["documents"][0]["document_id"]
    key = post(http, "/v1/keys", kind="dataset", dataset_ids=[dataset])
    other.headers["authorization"] = f"Bearer {key['key']}"

    def is_shown() -> bool:
        found = post(other, f"/v1/datasets/{dataset}/search", **ASKED)["hits"]
        status = other.get(f"{document}/original").status_code
        assert (bool(found), status) in ((True, 200), (False, 404))
        return bool(found)

    assert is_shown()
    for labels in (["board"], []):
        http.patch(document, json={"labels": labels}).raise_for_status()
        assert is_shown() is not bool(labels)
    http.delete(document).raise_for_status()
    assert not is_shown()
    http.delete(f"/v1/keys/{key['id']}").raise_for_status()
    assert other.get(f"/v1/datasets/{dataset}").status_code == 401


def test_an_app_and_an_open_answer_end_with_their_key(two):
    http, other = two
    with running_fake_server() as model:
        slow = {"name": "slow", "model": "numbers:100000:5", "base_url": model.base_url}
        post(http, "/v1/models", **slow)
        post(http, "/v1/apps", slug="moon", name="moon")
        http.put("/v1/apps/moon/draft", json={"base": {"model": "slow"}}).raise_for_status()
        post(http, "/v1/apps/moon/publish")
        for taken in ("key", "app"):
            key = post(http, "/v1/keys", kind="app", app="moon")
            other.headers["authorization"] = f"Bearer {key['key']}"
            with other.stream("POST", "/v1/apps/moon/chat", json=ASKED) as answer:
                events = frames(answer)
                next(events)
                gone = f"/v1/keys/{key['id']}" if taken == "key" else "/v1/apps/moon"
                http.delete(gone).raise_for_status()
                assert other.post("/v1/apps/moon/chat", json=ASKED).status_code == 401
                *_, (_, last, said) = events
            assert last == "run.failed", said
