"""Runs over HTTP: resumed, repeated, looked at, stopped, left."""

from __future__ import annotations

import json
import threading
import time
from contextlib import ExitStack

import httpx
import pytest

from api.http import sse
from kb.models.fake.server import FakeModelServer
from kb.store.apps import runs
from tests.api.serving import Served
from tests.api.talking import whole
from tests.server import frames
from tests.webhook_receiver import wait_until

pytestmark = pytest.mark.usefixtures("talking_apps")


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


def test_a_repeated_question_joins_the_run_in_progress_and_gets_the_same_bytes(
    served: Served, upstream: FakeModelServer
):
    headers = {"idempotency-key": "join"}
    asking = ("POST", "/v1/apps/count/chat")
    question = {"json": {"query": "x"}, "headers": headers}
    asked = len(upstream.requests)

    with served.http.stream(*asking, **question) as first:
        pieces = first.iter_raw()
        received = next(pieces)
        with served.http.stream(*asking, **question) as second:
            joined = second.read()
        received += b"".join(pieces)
    after_its_end = served.http.request(*asking, **question)

    assert received == joined == after_its_end.content
    assert len(upstream.requests) == asked + 1
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    other = served.http.request(*asking, json={"query": "y"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "conflict")


def forget(served: Served, run_id: str) -> None:
    """As after the time for which its events are kept."""
    served.kb.chat.runs._runs.pop(run_id)
    with served.kb.database.write() as tx:
        runs.remove(tx, [run_id])


def test_a_repetition_gets_the_stored_answer_and_asks_anew_what_a_crash_has_lost(
    served: Served, upstream: FakeModelServer
):
    headers = {"idempotency-key": "later"}
    question = {"json": {"query": "When does the moon rise?"}, "headers": headers}
    path = "/v1/apps/cite/chat"
    asked = len(upstream.requests)
    served.http.post(path, **question)
    (run_id, run), *_ = reversed(served.kb.chat.runs._runs.items())
    forget(served, run_id)

    stored = served.http.post(path, **question)
    assert stored.json()["answer"] == run.terminal.answer
    assert stored.headers["idempotent-replayed"] == "true"
    assert len(upstream.requests) == asked + 1

    served.http.delete(f"/v1/conversations/{stored.json()['conversation_id']}")
    for _ in range(2):  # as after a crash: neither in memory nor stored
        assert "run.completed" in served.http.post(path, **question).text
        assert len(upstream.requests) == asked + 2


def test_a_silent_stream_is_kept_alive_with_comments(
    served: Served, upstream: FakeModelServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sse, "PING_S", 0.05)
    served.post("/v1/models", {"name": "mute", "model": "stall", "base_url": upstream.base_url})
    served.new_app("mute", base={"model": "mute"})
    with served.http.stream("POST", "/v1/apps/mute/chat", json={"query": "x"}) as answer:
        lines = [line for line, _ in zip(answer.iter_lines(), range(30), strict=False)]
    assert lines.count(": ping") >= 2
    run_id = json.loads(lines[2].removeprefix("data: "))["run_id"]
    assert served.http.post(f"/v1/runs/{run_id}/stop").status_code == 202


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

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    run_id = ""
    while not run_id:
        time.sleep(0.05)
        run_id = next(iter(served.kb.chat.runs._tasks), "")
    served.http.post(f"/v1/runs/{run_id}/stop")
    waiting.join()

    assert (outcome[0].status_code, outcome[0].json()["code"]) == (409, "cancelled")


def test_a_finished_run_can_be_looked_at_after_its_events_are_forgotten(served: Served):
    made = whole(served.http, "cite", "When does the moon rise?")
    path = f"/v1/runs/{made['run_id']}"
    remembered = served.http.get(path).json()
    forget(served, made["run_id"])

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
        runs = [served.kb.chat.runs._runs[run_id] for run_id in run_ids]
        assert [run.subscribers for run in runs] == [1] * 20
        wait_until(lambda: served.kb.database.open_transactions() == 0)

    deadline = time.monotonic() + 10
    while any(run.subscribers for run in runs) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [run.subscribers for run in runs] == [0] * 20
    assert [run.terminal for run in runs] == [None] * 20
    for run_id in run_ids:
        served.http.post(f"/v1/runs/{run_id}/stop")
