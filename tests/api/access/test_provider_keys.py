"""A provider's key is written and never read: a key that stands nowhere else goes every way there
is, and is looked for in all that comes out, in the log at its lowest level, and in every file."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from kb.models.fake.server import FakeModelServer
from kb.settings import LlmSettings, RerankSettings, WebhookSettings
from kb.settings_sections import EmbeddingSettings
from tests.api.serving import Served, serving
from tests.api.talking import MOON
from tests.embedding_server import embedding
from tests.fake_models import running_fake_server
from tests.webhook_receiver import receiving

EMBEDDING_KEY = "ek-canary-embedding-77b2"
KEY, OF_THE_SETTINGS = "sk-canary-registered-8c1f", "sk-canary-settings-41d7"
SEARCH = {"query": "moon", "explain": True}
QUESTION = "When does the moon rise over Ostrava?"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """Everything that is logged, debug included."""
    path, root = tmp_path / "all.log", logging.getLogger()
    handler, level = logging.FileHandler(path), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield path
    root.setLevel(level)
    root.removeHandler(handler)
    handler.close()


def everything_said(served: Served, good: FakeModelServer, echoing: FakeModelServer) -> str:
    """Every answer on the way of a key: registered, shown, tested, asked, failing, counted."""
    http, heard = served.http, list[str]()

    def call(method: str, path: str, **request: Any) -> Any:
        answer = http.request(method, path, **request)
        heard.append(f"{answer.headers}{answer.text}")
        return answer

    for name, url in (("good", good.base_url), ("echoing", echoing.base_url)):
        body = {"name": name, "model": "cite", "base_url": url, "api_key": KEY}
        for _ in range(2):  # the second is the stored first
            call("POST", "/v1/models", json=body, headers={"idempotency-key": name})
        call("PATCH", f"/v1/models/{name}", json={"api_key": KEY, "price_in": 1})
        call("PATCH", f"/v1/models/{name}", json={"api_key": KEY, "price_in": "x"})
        call("POST", f"/v1/models/{name}/test")
        call("GET", f"/v1/models/{name}")
        call("PUT", "/v1/models/default", json={"name": name})
        for stream in (True, False):
            call("POST", "/v1/apps/moon/chat", json={"query": QUESTION, "stream": stream})
    call("PUT", "/v1/models/default", json={"name": None})
    said = call("POST", "/v1/apps/moon/chat", json={"query": QUESTION, "stream": False}).json()
    call("POST", f"/v1/messages/{said['message_id']}/feedback", json={"rating": "like"})
    call("POST", "/v1/models", json={"name": "bad", "model": "m", "api_key": KEY, "base_url": "x"})
    for path in (
        *("/metrics", "/openapi.json", "/readyz", "/v1/models", "/v1/models/default"),
        *("/v1/models/discover", "/v1/models/providers", "/v1/usage", "/v1/apps/moon"),
        *("/v1/apps/moon/draft", "/v1/conversations", "/v1/webhooks"),
    ):
        call("GET", path)
    heard.append(http.post("/v1/backup").content.decode("latin-1"))
    return "".join(heard)


def test_a_providers_key_is_nowhere_to_be_read(tmp_path: Path, log: Path):
    data = tmp_path / "data"
    with (
        running_fake_server(key=KEY) as good,
        running_fake_server(key="another") as echoing,  # its refusals quote the request's head
        running_fake_server(key=OF_THE_SETTINGS) as configured,
        receiving() as receiver,
        embedding(key=EMBEDDING_KEY) as embedder,
    ):
        llm = LlmSettings(
            model="cite", base_url=configured.base_url, api_key=SecretStr(OF_THE_SETTINGS)
        )
        hooks = WebhookSettings(timeout_s=5)
        key = SecretStr(EMBEDDING_KEY)
        vectors = EmbeddingSettings(model="m", base_url=embedder.url, api_key=key)
        ranks = RerankSettings(base_url=embedder.url, api_key=key)  # answers, but no scores
        with serving(data, llm=llm, webhooks=hooks, embedding=vectors, rerank=ranks) as served:
            served.post("/v1/webhooks", {"url": receiver.url, "events": ["feedback.created"]})
            dataset_id = served.new_dataset("moon", {"moon.md": MOON})
            served.new_app("moon", dataset_ids=[dataset_id])
            heard = everything_said(served, good, echoing)
            embedder.faults.extend([400, 401, 500] * 9)  # its refusals quote the request's head
            for _ in range(4):
                heard += served.http.post(f"/v1/datasets/{dataset_id}/search", json=SEARCH).text
            heard += served.http.get("/readyz").text + served.http.get("/metrics").text
            told = "".join(message.body.decode() for message in receiver.wait_for(1))
            represented = f"{served.kb.settings!r} {served.kb.settings.model_dump()}"

        heads = "".join([*good.heads, *echoing.heads, *configured.heads])
        assert KEY in heads, "it was sent"
        assert OF_THE_SETTINGS in heads
        assert EMBEDDING_KEY in "".join(embedder.heads)
    for key in (KEY, OF_THE_SETTINGS, EMBEDDING_KEY):
        assert key not in heard
        assert key not in told
        assert key not in represented
        assert key not in log.read_text("utf-8")
        for path in filter(Path.is_file, data.rglob("*")):
            assert key.encode() not in path.read_bytes(), path
