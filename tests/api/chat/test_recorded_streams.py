"""One recorded stream for each way in which providers differ, read through the chat endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kb.models.fake.server import FakeModelServer
from kb.store.apps import conversations
from kb.types import Scope, Usage
from tests.api.serving import Served
from tests.fake_models import running_fake_server

RECORDINGS = Path(__file__).parents[2] / "recordings"
ANSWER = "The notice period is three months."
CUT = "The notice period is "
COUNTED = {"prompt_tokens": 120, "completion_tokens": 30}
DETAILED = {**COUNTED, "cached_tokens": 64, "reasoning_tokens": 20}
CACHED = {**COUNTED, "cached_tokens": 64}

WHOLE = {
    "openai": DETAILED,
    "azure-first-chunk": DETAILED,
    "deepseek-reasoning": DETAILED,
    "vllm-reasoning": COUNTED,
    "openrouter-details": DETAILED,
    "minimax-split": COUNTED,
    "minimax-inline-think": COUNTED,
    "spark": COUNTED,
    "ernie": DETAILED,
    "moonshot-usage-in-choice": CACHED,
    "qwen-mt-plus": COUNTED,
    "usage-in-every-chunk": COUNTED,
    "no-usage": None,
    "no-done": COUNTED,
    "typed-parts": DETAILED,
    "no-blank-lines": COUNTED,
    "bom-and-crlf": COUNTED,
    "named-events": COUNTED,
    "not-streamed": DETAILED,
}
ENDED = {
    "length": (CUT, "length", COUNTED),
    "anthropic-counts": (CUT, "length", CACHED),
    "glm-sensitive": ("The notice ", "filtered", COUNTED),
}
FAILED = ["minimax-refused", "spark-refused", "ernie-refused", "error-mid-stream"]
FAILED += ["glm-network-error"]
PROVIDERS = {"qwen-mt-plus": "qwen", "azure-first-chunk": "azure"}


@pytest.fixture(scope="module")
def upstream(served: Served) -> Iterator[FakeModelServer]:
    with running_fake_server(recordings=RECORDINGS) as server:
        for name in [*WHOLE, *ENDED, *FAILED]:
            provider = PROVIDERS.get(name, "openai")
            body = {"name": name, "provider": provider, "model": name, "api_key": "sk-canary"}
            options = {"api-version": "2024-10-21"} if provider == "azure" else {}
            served.post("/v1/models", {**body, "options": options, "base_url": server.base_url})
            served.new_app(name, base={"model": name, "retrieval": None})
        yield server


def asked(served: Served, name: str) -> dict:
    body = {"query": "How long is the notice period?", "stream": False}
    return served.http.post(f"/v1/apps/{name}/chat", json=body).json()


def used(served: Served, message_id: str) -> Usage:
    return served.kb.database.reading(conversations.message, Scope.admin(), message_id).usage


def checked(served: Served, name: str, text: str, reason: str, counts: dict | None) -> None:
    said = asked(served, name)

    assert said.get("answer") == text, said
    assert said["finish_reason"] == reason
    usage = used(served, said["message_id"])
    assert usage.estimated is (counts is None)
    if counts is not None:
        nothing = {"cached_tokens": 0, "reasoning_tokens": 0}
        found = {field: getattr(usage, field) for field in {**DETAILED}}
        assert found == {**nothing, **counts}


def test_every_recording_is_asked_for():
    assert {path.stem for path in RECORDINGS.glob("*.sse")} == {*WHOLE, *ENDED, *FAILED}


@pytest.mark.parametrize("name", WHOLE)
def test_the_answer_is_whole_and_the_thoughts_are_not_in_it(served, upstream, name):
    checked(served, name, ANSWER, "stop", WHOLE[name])


@pytest.mark.parametrize("name", ENDED)
def test_an_answer_says_how_it_ended(served, upstream, name):
    checked(served, name, *ENDED[name])


@pytest.mark.parametrize("name", FAILED)
def test_a_failure_within_a_stream_is_one_and_its_words_are_not_told(served, upstream, name):
    said = asked(served, name)

    assert said["code"] == "model_unavailable"
    assert "sk-canary" not in str(said)
    assert "license" not in str(said)


def test_azure_has_its_key_and_its_version_where_it_looks_for_them(served, upstream):
    asked(served, "azure-first-chunk")

    head = upstream.heads[-1]
    assert head.startswith("POST /v1/chat/completions?api-version=2024-10-21 HTTP/1.1")
    assert "api-key: sk-canary" in head.lower()
    assert "authorization" not in head.lower()
