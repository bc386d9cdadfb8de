"""An embedding server goes away and comes back: no document is lost, and questions are answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.work import claims
from ingest.work.demo import ensure_demo
from kb.models.embed_url import url_embedder
from kb.settings_sections import EmbeddingSettings
from tests.api.serving import Served, serving
from tests.embedding_server import EmbeddingServer, embedding
from tests.server import answer_of, ask, wait_for_batch

FILES = {f"{name}.md": f"# {name}\n\nThe {name} opens at nine." for name in ("pool", "library")}


@pytest.fixture(autouse=True)
def _short_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(url_embedder, "REST_S", 0.1)
    monkeypatch.setattr(claims, "AWAY_PAUSE_S", 0.1)


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with embedding() as found:
        yield found


def settings(server: EmbeddingServer, **options: Any) -> EmbeddingSettings:
    return EmbeddingSettings(model="m", base_url=server.url, retries=0, **options)


def begin_upload(served: Served, dataset_id: str, files: dict[str, str]) -> str:
    parts = [("files", (name, text.encode())) for name, text in files.items()]
    answer = served.http.post(f"/v1/datasets/{dataset_id}/documents", files=parts)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["batch_id"])


def wait_for(state: Callable[[], Any]) -> Any:
    """What is asked for again until there is something."""
    for _ in range(3000):
        if found := state():
            return found
    raise AssertionError("it did not come")


def search(served: Served, dataset_id: str, query: str, **options: Any) -> Any:
    return served.post(f"/v1/datasets/{dataset_id}/search", {"query": query, **options}, 200)


def test_documents_wait_for_an_embedder_that_is_away_and_none_is_lost(tmp_path, server):
    with serving(tmp_path / "data", embedding=settings(server)) as served:
        dataset_id = served.new_dataset("town", FILES)
        server.is_away = True
        more = {f"{n}.md": f"# Gate {n}\n\nGate {n} opens at {n}." for n in range(30)}
        batch_id = begin_upload(served, dataset_id, more)

        def waits() -> Any:
            return served.http.get(f"/v1/batches/{batch_id}").json().get("waits")

        assert wait_for(waits)["code"] == "model_unavailable"
        assert "cannot be reached" in served.http.get("/readyz").json()["away"]["embedder"]
        assert served.http.get("/readyz").status_code == 200
        assert "kb_embedder_away 1.0" in served.http.get("/metrics").text

        server.is_away = False
        batch = wait_for_batch(served.http, batch_id)
        assert (batch["ready"], batch["failed"]) == (30, 0)
        assert "waits" not in batch
        assert "away" not in served.http.get("/readyz").json()
        assert search(served, dataset_id, "Gate 7")["hits"][0]["document_name"] == "7.md"
        documents = served.http.get(f"/v1/datasets/{dataset_id}/documents").json()["data"]
        assert {document["error"] for document in documents} == {None}


def test_a_search_goes_by_words_alone_meanwhile_and_says_so(tmp_path, server):
    with serving(tmp_path / "data", embedding=settings(server)) as served:
        dataset_id = served.new_dataset("town", FILES)
        served.new_app("town", dataset_ids=[dataset_id])
        answer = {"question": "When does the pool open?", "answer": "Never."}
        served.post("/v1/apps/town/annotations", answer)
        assert "notices" not in search(served, dataset_id, "pool")

        server.is_away = True
        for mode in ("hybrid", "vector"):
            found = search(served, dataset_id, "pool", mode=mode)
            assert found["hits"][0]["document_name"] == "pool.md"
            assert [notice["code"] for notice in found["notices"]] == ["words_only"]
        events = dict(ask(served.http, "town", "When does the library open?"))
        assert "nine" in events["run.completed"]["answer"]
        said = "The search went by words alone and may have missed something."
        assert events["run.completed"]["notices"] == [{"code": "words_only", "detail": said}]
        same = ask(served.http, "town", "When does the pool open?")
        assert answer_of(same) == "Never.", "the same wording needs no vector"

        server.is_away = False
        wait_for(lambda: "notices" not in search(served, dataset_id, "pool"))


def test_a_server_starts_and_serves_while_its_embedder_is_away(tmp_path: Path, server):
    with serving(tmp_path / "data", embedding=settings(server)) as served:
        dataset_id = served.new_dataset("town", FILES)
    server.is_away = True
    with serving(tmp_path / "data", embedding=settings(server)) as served:
        assert search(served, dataset_id, "pool")["hits"][0]["document_name"] == "pool.md"
        batch_id = begin_upload(served, dataset_id, {"gate.md": "The gate opens at ten."})
        server.is_away = False
        assert wait_for_batch(served.http, batch_id)["ready"] == 1


def test_a_new_folder_makes_no_dataset_until_the_model_has_answered_once(tmp_path, server):
    server.is_away = True
    with serving(tmp_path / "data", embedding=settings(server)) as served:
        ensure_demo(served.kb)  # it waits for the next start
        refused = served.http.post("/v1/datasets", json={"name": "town"})
        assert (refused.status_code, refused.json()["code"]) == (503, "model_unavailable")
        server.is_away = False
        wait_for(lambda: served.http.post("/v1/datasets", json={"name": "town"}).is_success)


def test_a_text_that_is_too_long_for_the_server_fails_its_document_alone(tmp_path):
    with (
        embedding(max_tokens=30) as server,
        serving(tmp_path / "data", embedding=settings(server)) as served,
    ):
        dataset_id = served.post("/v1/datasets", {"name": "town"})["id"]
        long = {"long.md": " ".join(f"word{n}" for n in range(90))}
        batch = wait_for_batch(served.http, begin_upload(served, dataset_id, {**FILES, **long}))

        assert (batch["ready"], batch["failed"]) == (2, 1)
        error = next(item["error"] for item in batch["documents"] if item["error"])
        assert error["code"] == "text_too_long"
        assert "KB_EMBEDDING__MAX_TOKENS" in error["detail"]


def test_a_dataset_of_another_model_is_searched_with_its_own_until_it_is_built_anew(
    tmp_path, server
):
    with serving(tmp_path / "data") as served:
        dataset_id = served.new_dataset("town", FILES)
    server.is_away = True
    with serving(tmp_path / "data", embedding=settings(server)) as served:
        assert "notices" not in search(served, dataset_id, "pool"), "it needs no server"
        server.is_away = False
        generation = served.post(f"/v1/datasets/{dataset_id}/reindex", {}, 202)["generation"]
        path = f"/v1/datasets/{dataset_id}/generations/{generation}"
        wait_for(lambda: served.http.get(path).json()["status"] == "ready")
        assert served.http.get(path).json()["model"] == "url:m"


def test_without_its_address_a_dataset_says_what_it_needs(tmp_path, server):
    with serving(tmp_path / "data", embedding=settings(server)) as served:
        dataset_id = served.new_dataset("town", FILES)
    with serving(tmp_path / "data") as served:
        refused = served.http.post(f"/v1/datasets/{dataset_id}/search", json={"query": "pool"})
        assert refused.status_code == 400
        assert "KB_EMBEDDING__BASE_URL" in refused.json()["detail"]
