"""Answers over HTTP: streamed or whole, routed, refused; with a real model server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kb.text.fixed_sentences import fixed_sentence
from tests.api.serving import Served
from tests.api.talking import TERMINAL, whole
from tests.server import answer_of, ask, frames

pytestmark = pytest.mark.usefixtures("talking_apps")


def test_a_stream_is_numbered_ends_once_and_adds_up_to_the_answer(served: Served):
    body = {"query": "When does the moon rise over Ostrava?"}
    with served.http.stream("POST", "/v1/apps/cite/chat", json=body) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-cache, no-transform"
        assert answer.headers["x-accel-buffering"] == "no"
        seen = list(frames(answer))

    assert [number for number, _, _ in seen] == list(range(1, len(seen) + 1))
    names = [name for _, name, _ in seen]
    assert names[:3] == ["run.started", "route", "retrieval"]
    assert [name for name in names if name in TERMINAL] == [names[-1]] == ["run.completed"]
    completed = seen[-1][2]
    assert "".join(data["text"] for _, name, data in seen if name == "delta") == completed["answer"]
    cited = [data for _, name, data in seen if name == "citation"]
    assert cited == completed["citations"] != []
    started = seen[0][2]
    assert set(started) == {"run_id", "conversation_id", "message_id", "app"}
    assert completed["message_id"] == started["message_id"]
    sources = seen[2][2]["sources"]
    fields = {"n", "chunk_id", "document_id", "document_name", "page", "start", "end", "score"}
    assert set(sources[0]) >= fields | {"text"}


def test_an_answer_can_be_had_as_one_object(served: Served):
    answer = whole(served.http, "cite", "When does the moon rise over Ostrava?")

    assert set(answer) >= {
        "run_id",
        "conversation_id",
        "app",
        "sources",
        "message_id",
        "finish_reason",
        "answer",
        "citations",
        "grounded",
        "route",
        "usage",
        "timings_ms",
    }
    assert answer["app"] == {"slug": "cite", "version": 1}
    mark = answer["citations"][0]
    assert answer["answer"][mark["answer_start"] : mark["answer_end"]] == "[1]"
    pages = served.http.get(f"/v1/documents/{mark['document_id']}/pages").json()["data"]
    assert pages[0]["text"][mark["start"] : mark["end"]] == mark["quote"]


def test_an_app_without_a_model_answers_from_the_documents_alone(served: Served):
    answer = whole(served.http, "plain", "When does the moon rise over Ostrava?")

    assert "nine" in answer["answer"]
    assert answer["route"]["model"] == "extractive"
    assert answer["usage"]["prompt_tokens"] == 0


def test_the_hidden_prompt_is_not_counted_for_an_app_key(served: Served):
    client = served.with_new_key(kind="app", app="cite")

    shown = whole(client, "cite", "When?")
    known = whole(served.http, "cite", "When?")

    assert shown["usage"]["prompt_tokens"] < known["usage"]["prompt_tokens"]
    assert "cost" not in shown
    assert known["cost"] > 0
    stored = client.get(f"/v1/conversations/{shown['conversation_id']}/messages").json()["data"]
    assert stored[0]["usage"] == shown["usage"]
    assert "quicksilver" not in json.dumps([shown, known, stored])


def test_a_model_that_fails_is_a_status_or_a_last_event(served: Served):
    as_one = served.http.post("/v1/apps/failing/chat", json={"query": "x", "stream": False})
    streamed = ask(served.http, "failing", "x")

    assert (as_one.status_code, as_one.json()["code"]) == (503, "model_unavailable")
    assert as_one.headers["content-type"] == "application/problem+json"
    name, data = streamed[-1]
    assert (name, data["error"]["code"]) == ("run.failed", "model_unavailable")
    assert data["error"]["retryable"] is True
    assert "quicksilver" not in as_one.text + json.dumps(streamed)


@pytest.mark.parametrize(
    ("query", "language"),
    [
        ("月亮什么时候升起？", "zh"),
        ("Wann geht heute der Mond auf?", "de"),
        ("¿Cuándo sale la luna en Ostrava?", "es"),
    ],
)
def test_a_failure_is_told_in_the_language_of_the_question(served: Served, query, language):
    streamed = ask(served.http, "failing", query)
    stored = served.http.get(
        f"/v1/conversations/{streamed[0][1]['conversation_id']}/messages"
    ).json()["data"]
    said = fixed_sentence("model_failed", language)
    assert streamed[-1][1]["error"]["detail"] == stored[0]["error"]["detail"] == said


def test_a_model_that_breaks_off_ends_the_stream_with_a_failure(served: Served):
    events = ask(served.http, "cut", "x")

    assert answer_of(events)
    assert [name for name, _ in events if name in TERMINAL] == ["run.failed"]


def test_what_is_wrong_with_a_question_is_said_before_the_stream_begins(served: Served):
    def status(app: str, **body: Any) -> tuple[int, str]:
        answer = served.http.post(f"/v1/apps/{app}/chat", json=body)
        return answer.status_code, answer.json()["code"]

    served.post("/v1/apps", {"slug": "unpublished", "name": "x"})
    assert status("nobody", query="x") == (404, "not_found")
    assert status("cite", query="") == (400, "invalid_request")
    assert status("cite", query="   ") == (400, "invalid_request")
    assert status("cite", query="x", conversation_id="conv_none") == (404, "not_found")
    assert status("cite", query="x", version=99) == (404, "not_found")
    assert status("cite", query="x", route="tuned") == (400, "invalid_request")
    assert status("cite", query="x", rout="tuned") == (400, "invalid_request")
    assert status("unpublished", query="x") == (409, "conflict")


def test_the_request_can_choose_the_variant(served: Served):
    base = whole(served.http, "switch", "When does the moon rise?", route="base")
    tuned = whole(served.http, "switch", "When does the moon rise?", route="tuned")

    assert (base["route"]["variant"], tuned["route"]["variant"]) == ("base", "tuned")
    assert base["sources"]
    assert tuned["sources"] == []
    assert tuned["answer"].split()[:3] == ["1", "2", "3"]


def test_plain_chat_without_a_model_says_what_is_missing(served: Served):
    served.post("/v1/apps", {"slug": "bare", "name": "Bare"})
    served.http.put("/v1/apps/bare/draft", json={"base": {}})
    served.http.post("/v1/apps/bare/publish")
    answer = served.http.post("/v1/apps/bare/chat", json={"query": "Hello?"})
    assert (answer.status_code, answer.json()["code"]) == (503, "model_unavailable")
    assert "neither documents" in answer.json()["detail"]
