"""Answers over HTTP: streamed or whole, resumed, stopped, stored; with a real model server."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from kb.models.fake_server import FakeModelServer, running_fake_server
from tests.api.serving import Served
from tests.server import answer_of, ask

TERMINAL = {"run.completed", "run.failed", "run.cancelled"}
MOON = "The moon rises over Ostrava at nine. " + "Nothing else happens. " * 60
HIDDEN = "Hidden word: quicksilver.\n\n{{context}}"


@pytest.fixture(scope="module")
def upstream() -> Iterator[FakeModelServer]:
    with running_fake_server() as server:
        yield server


@pytest.fixture(scope="module")
def dataset_id(served: Served) -> str:
    return served.new_dataset("sky", {"moon.md": MOON, "sun.md": "The sun sets at five."})


@pytest.fixture(scope="module")
def apps(served: Served, upstream: FakeModelServer, dataset_id: str) -> None:
    """Apps named after what their model does."""
    behaviours = {
        "cite": "cite",
        "count": "numbers:300:1",
        "endless": "numbers:100000:5",
        "failing": "fail:500",
        "cut": "cut",
    }
    for slug, model in behaviours.items():
        body = {"name": slug, "model": model, "base_url": upstream.base_url, "price_in": 1.0}
        served.post("/v1/models", body)
        served.new_app(slug, prompt=HIDDEN, dataset_ids=[dataset_id], base={"model": slug})
    served.new_app("plain", dataset_ids=[dataset_id])
    served.new_app(
        "switch",
        dataset_ids=[dataset_id],
        base={"model": "cite"},
        tuned={"model": "count", "retrieval": None},
    )


pytestmark = pytest.mark.usefixtures("apps")


def frames(answer: httpx.Response) -> Iterator[tuple[int, str, Any]]:
    number, name = 0, ""
    for line in answer.iter_lines():
        if line.startswith("id: "):
            number = int(line[4:])
        elif line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            yield number, name, json.loads(line[6:])


def whole(http: httpx.Client, app: str, query: str, **fields: Any) -> dict[str, Any]:
    answer = http.post(f"/v1/apps/{app}/chat", json={"query": query, "stream": False, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


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


def test_a_conversation_goes_on(served: Served, upstream: FakeModelServer):
    first = whole(served.http, "cite", "When does the moon rise?")
    again = whole(served.http, "cite", "And the sun?", conversation_id=first["conversation_id"])

    assert again["conversation_id"] == first["conversation_id"]
    sent = upstream.requests[-1]["messages"]
    assert any(message["content"] == "When does the moon rise?" for message in sent)
    path = f"/v1/conversations/{first['conversation_id']}/messages"
    stored = served.http.get(path).json()["data"]
    assert [message["query"] for message in stored] == ["When does the moon rise?", "And the sun?"]
    assert stored[0]["answer"] == first["answer"]
    assert stored[0]["citations"] == first["citations"]
    assert stored[0]["sources"] == first["sources"]
    listed = served.http.get("/v1/conversations", params={"app": "cite", "limit": 500}).json()
    assert first["conversation_id"] in {item["id"] for item in listed["data"]}


def test_a_deleted_conversation_is_gone(served: Served):
    made = whole(served.http, "cite", "When does the moon rise?")
    path = f"/v1/conversations/{made['conversation_id']}"

    assert served.http.delete(path).status_code == 204

    assert served.http.get(f"{path}/messages").status_code == 404
    assert served.http.delete(path).status_code == 404
    assert served.http.get(f"/v1/messages/{made['message_id']}/sources/1").status_code == 404


def test_a_source_is_shown_within_its_surroundings(served: Served):
    made = whole(served.http, "cite", "When does the moon rise over Ostrava?")
    source = made["sources"][0]

    passage = served.http.get(f"/v1/messages/{made['message_id']}/sources/1").json()

    assert set(passage) == {
        "n",
        "document_id",
        "document_name",
        "page",
        "start",
        "end",
        "before",
        "text",
        "after",
    }
    pages = served.http.get(f"/v1/documents/{source['document_id']}/pages").json()["data"]
    text = pages[0]["text"]
    start, end = passage["start"], passage["end"]
    assert passage["text"] == text[start:end]
    assert passage["before"] == text[max(start - 600, 0) : start]
    assert passage["after"] == text[end : end + 600]


def test_a_source_whose_document_has_changed_stands_alone_as_it_was(served: Served):
    dataset_id = served.new_dataset("changing", {"a.md": "The comet comes in May."})
    served.new_app("changing", dataset_ids=[dataset_id])
    made = whole(served.http, "changing", "When does the comet come?")
    served.upload(dataset_id, {"a.md": "Something else altogether stands here now."})

    passage = served.http.get(f"/v1/messages/{made['message_id']}/sources/1").json()

    assert (passage["before"], passage["after"]) == ("", "")
    assert passage["text"] == made["sources"][0]["text"]


def test_a_stream_can_be_resumed_anywhere_without_a_gap(served: Served):
    with served.http.stream("POST", "/v1/apps/count/chat", json={"query": "x"}) as answer:
        seen = []
        for frame in frames(answer):
            seen.append(frame)
            if len(seen) == 20:
                break
    path = f"/v1/runs/{seen[0][2]['run_id']}/events"

    with served.http.stream("GET", path, headers={"last-event-id": "20"}) as answer:
        rest = list(frames(answer))
    with served.http.stream("GET", path) as answer:
        again = list(frames(answer))
    with served.http.stream("GET", path, params={"after": "20"}) as answer:
        assert list(frames(answer)) == rest

    assert seen + rest == again
    text = "".join(data["text"] for _, name, data in again if name == "delta")
    assert text.split() == [str(number) for number in range(1, 301)]
    assert rest[-1][1] == "run.completed"
    last = {"last-event-id": str(rest[-1][0])}
    assert served.http.get(path, headers=last).status_code == 204
    assert served.http.get("/v1/runs/run_none/events").status_code == 404
    assert served.http.get(path, headers={"last-event-id": "x"}).status_code == 400


def test_a_repeated_question_reads_the_first_answer(served: Served, upstream: FakeModelServer):
    headers = {"idempotency-key": "ask once"}
    body = {"query": "When does the moon rise?", "stream": False}
    asked = len(upstream.requests)

    answers = [
        served.http.post("/v1/apps/cite/chat", json=body, headers=headers).json() for _ in range(3)
    ]

    assert len(upstream.requests) == asked + 1
    assert answers[0] == answers[1] == answers[2]
    other = {**body, "query": "When does the sun set?"}
    assert served.http.post("/v1/apps/cite/chat", json=other, headers=headers).status_code == 409


def test_a_run_can_be_looked_at_and_stopped(served: Served):
    with served.http.stream("POST", "/v1/apps/endless/chat", json={"query": "x"}) as answer:
        stream = frames(answer)
        run_id = next(stream)[2]["run_id"]
        written = ""
        while "3" not in written:
            _, name, data = next(stream)
            written += data["text"] if name == "delta" else ""
        assert served.http.get(f"/v1/runs/{run_id}").json()["status"] == "running"

        assert served.http.post(f"/v1/runs/{run_id}/stop").status_code == 202

        *_, last = stream
    assert (last[1], last[2]) == ("run.cancelled", {"reason": "stopped"})
    run = served.http.get(f"/v1/runs/{run_id}").json()
    assert run["status"] == "cancelled"
    assert run["answer"].startswith("1 2 3")
    assert served.http.post(f"/v1/runs/{run_id}/stop").status_code == 202
    messages = served.http.get(f"/v1/conversations/{run['conversation_id']}/messages").json()
    assert messages["data"][0]["status"] == "cancelled"
    assert messages["data"][0]["answer"] == run["answer"]


def test_a_stopped_run_that_was_waited_for_is_a_conflict(served: Served):
    outcome: list[httpx.Response] = []

    def wait() -> None:
        body = {"query": "x", "stream": False}
        outcome.append(served.http.post("/v1/apps/endless/chat", json=body))

    waiting = threading.Thread(target=wait)
    waiting.start()
    run_id = ""
    while not run_id:
        time.sleep(0.05)
        run_id = next(iter(served.kb.chat._runs._tasks), "")
    served.http.post(f"/v1/runs/{run_id}/stop")
    waiting.join()

    assert (outcome[0].status_code, outcome[0].json()["code"]) == (409, "cancelled")


def test_a_finished_run_can_be_looked_at_after_its_events_are_forgotten(served: Served):
    made = whole(served.http, "cite", "When does the moon rise?")
    path = f"/v1/runs/{made['run_id']}"
    remembered = served.http.get(path).json()
    served.kb.chat._runs._runs.pop(made["run_id"])

    stored = served.http.get(path).json()

    for field in ("run_id", "message_id", "conversation_id", "app", "status", "answer", "sources"):
        assert stored[field] == remembered[field], field
    assert stored["citations"] == remembered["citations"]


def test_a_client_that_leaves_frees_its_subscription_and_holds_no_transaction(served: Served):
    with ExitStack() as open_streams:
        streams = []
        for _ in range(20):
            client = open_streams.enter_context(httpx.Client(base_url=served.url, timeout=30))
            client.headers["authorization"] = served.http.headers["authorization"]
            asking = client.stream("POST", "/v1/apps/endless/chat", json={"query": "x"})
            streams.append(frames(open_streams.enter_context(asking)))
        run_ids = [next(stream)[2]["run_id"] for stream in streams]
        runs = [served.kb.chat._runs._runs[run_id] for run_id in run_ids]
        assert [run.subscribers for run in runs] == [1] * 20
        assert served.kb.database.open_transactions() == 0

    deadline = time.monotonic() + 10
    while any(run.subscribers for run in runs) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [run.subscribers for run in runs] == [0] * 20
    assert [run.terminal for run in runs] == [None] * 20
    for run_id in run_ids:
        served.http.post(f"/v1/runs/{run_id}/stop")


def test_plain_chat_without_a_model_says_what_is_missing(served: Served):
    served.post("/v1/apps", {"slug": "bare", "name": "Bare"})
    served.http.put("/v1/apps/bare/draft", json={"base": {}})
    served.http.post("/v1/apps/bare/publish")
    answer = served.http.post("/v1/apps/bare/chat", json={"query": "Hello?"})
    assert (answer.status_code, answer.json()["code"]) == (503, "model_unavailable")
    assert "neither documents" in answer.json()["detail"]
