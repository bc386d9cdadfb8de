"""What a key may use, how long it lasts, and what ends with it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from api import revocation
from kb.access.limits import RequestRates
from tests.api.serving import Served, serving
from tests.api.worlds import expire
from tests.fake_models import running_fake_server
from tests.server import frames

PATIENCE_S = 30


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with an app that counts slowly, and one that answers at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(revocation, "LOOK_S", 0.05)
        with (
            serving(tmp_path_factory.mktemp("limits") / "data") as made,
            running_fake_server() as fake,
        ):
            for name, model in (("slow", "numbers:100000:20"), ("echo", "echo")):
                registered = {"name": name, "model": model, "base_url": fake.base_url}
                prices = {"price_in": 1.0, "price_out": 2.0}
                made.post("/v1/models", {**registered, **prices, "provider": "openai"})
                made.new_app(name, base={"model": name, "retrieval": None})
            yield made


def new_key(served: Served, app: str = "echo", **body: Any) -> tuple[str, httpx.Client]:
    made = served.post("/v1/keys", {"kind": "app", "app": app, **body})
    return made["id"], served.client(made["key"])


def ask(client: httpx.Client, app: str = "echo") -> httpx.Response:
    return client.post(f"/v1/apps/{app}/chat", json={"query": "a b c", "stream": False})


def refusal(answer: httpx.Response) -> str:
    """What a 429 says; it names when to come back and what to do."""
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited"), answer.text
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["detail"])


def events(answer: httpx.Response) -> Iterator[tuple[str, Any]]:
    return ((name, data) for _, name, data in frames(answer))


def test_a_key_asks_no_more_often_than_its_limit(served: Served):
    _, client = new_key(served, limits={"requests_per_minute": 3})
    assert [client.get("/v1/apps").status_code for _ in range(3)] == [200, 200, 200]

    assert "3 requests a minute" in refusal(client.get("/v1/apps"))
    assert new_key(served)[1].get("/v1/apps").status_code == 200


def test_a_key_has_no_more_answers_open_than_its_limit(served: Served):
    _, client = new_key(served, "slow", limits={"concurrent_streams": 1})
    with client.stream("POST", "/v1/apps/slow/chat", json={"query": "x"}) as answer:
        stream = events(answer)  # kept: dropping it closes the answer
        name, started = next(stream)
        assert name == "run.started"

        assert "1 answers open at once" in refusal(ask(client, "slow"))
        run = f"/v1/runs/{started['run_id']}"
        refusal(client.get(f"{run}/events"))
        assert client.post(f"{run}/stop").status_code == 202
        assert list(stream)[-1][0] == "run.cancelled"
    deadline = time.monotonic() + PATIENCE_S
    while client.get(f"{run}/events").status_code == 429:  # until the server has seen the end
        assert time.monotonic() < deadline, "a stream that has ended is not counted"


def test_a_refused_question_is_not_counted_as_open(served: Served):
    _, client = new_key(served, limits={"concurrent_streams": 1})
    for _ in range(3):
        assert client.post("/v1/apps/echo/chat", json={"query": " "}).status_code == 400
        assert client.post("/v1/apps/none/chat", json={"query": "x"}).status_code == 404
    assert ask(client).status_code == 200


def test_a_key_uses_no_more_tokens_a_day_than_its_limit_and_a_restart_forgets_none(
    served: Served,
):
    key_id, client = new_key(served, limits={"tokens_per_day": 5})
    assert ask(client).status_code == 200  # three words in, three out: one answer may go over

    assert "5 tokens of today" in refusal(ask(client))
    assert int(ask(client).headers["retry-after"]) <= 24 * 3600
    assert client.get("/v1/conversations").status_code == 200
    conversation = client.get("/v1/conversations").json()["data"][0]["id"]
    assert client.delete(f"/v1/conversations/{conversation}").status_code == 204
    refusal(ask(client))  # deleting gives no tokens back
    used = served.http.get("/v1/usage", params={"by": "key"}).json()["data"]
    mine = next(item for item in used if item["name"] == key_id)
    assert (mine["answers"], mine["completion_tokens"]) == (1, 3)
    served.kb.access.rates = RequestRates(time.monotonic)  # what a start forgets
    refusal(ask(client))


def test_answers_asked_at_once_do_not_all_begin_with_the_last_tokens_of_a_day(served: Served):
    app = {"base": {"model": "slow", "retrieval": None, "max_tokens": 100}}
    served.new_app("short", **app)
    _, client = new_key(served, "short", limits={"tokens_per_day": 150})
    runs: list[str] = []
    refused: list[httpx.Response] = []

    def ask_and_hold(over: threading.Event) -> None:
        with client.stream("POST", "/v1/apps/short/chat", json={"query": "x"}) as answer:
            if answer.status_code != 200:
                answer.read()
                refused.append(answer)
                return
            stream = events(answer)
            runs.append(next(stream)[1]["run_id"])
            over.wait(PATIENCE_S)

    over = threading.Event()
    asking = [threading.Thread(target=ask_and_hold, args=(over,)) for _ in range(12)]
    for thread in asking:
        thread.start()
    deadline = time.monotonic() + PATIENCE_S
    while len(runs) + len(refused) < len(asking):
        assert time.monotonic() < deadline, (runs, refused)
        time.sleep(0.01)
    for run in runs:
        client.post(f"/v1/runs/{run}/stop")
    over.set()
    for thread in asking:
        thread.join()

    assert len(runs) == 2  # the first is expected to use about 101 of 150, the second goes over
    for answer in refused:
        assert "in progress" in refusal(answer)
        assert int(answer.headers["retry-after"]) <= 60


def test_limits_of_the_app_count_where_a_key_sets_none(served: Served):
    app = served.new_app("limited", base={"model": "echo", "retrieval": None})
    limits = {"limits": {"requests_per_minute": 1}}
    assert served.http.put("/v1/apps/limited/access", json=limits).status_code == 200
    _, bound = new_key(served, app)
    _, free = new_key(served, app, limits={"requests_per_minute": 100})

    assert [bound.get("/v1/apps").status_code for _ in range(2)] == [200, 429]
    assert [free.get("/v1/apps").status_code for _ in range(2)] == [200, 200]


def test_usage_is_told_by_app_key_model_and_day(served: Served):
    before = {by: usage(served, by) for by in ("app", "key", "model", "day")}
    key_id, client = new_key(served)
    assert ask(client).status_code == 200

    app_id = served.http.get("/v1/apps/echo").json()["id"]
    names = {"app": app_id, "key": key_id, "model": "echo", "day": datetime.now(UTC).date()}
    for by, name in names.items():
        grown = usage(served, by)[str(name)]
        known = before[by].get(str(name), dict.fromkeys(grown, 0))
        assert grown["answers"] - known["answers"] == 1
        # 3 words back at 2 a million, and the 3 words of the question at 1
        assert grown["completion_tokens"] - known["completion_tokens"] == 3
        assert grown["cost"] > known["cost"]
    later = {"by": "day", "since": "2999-01-01"}
    assert served.http.get("/v1/usage", params=later).json()["data"] == []
    assert served.http.get("/v1/usage", params={"by": "colour"}).status_code == 400


def usage(served: Served, by: str) -> dict[str, Any]:
    found = served.http.get("/v1/usage", params={"by": by}).json()
    assert found["by"] == by
    return {item.pop("name"): item for item in found["data"]}


def test_a_rotated_key_has_a_new_secret_and_the_old_one_ends_at_once(served: Served):
    key_id, old = new_key(served)
    rotated = served.http.post(f"/v1/keys/{key_id}/rotate", json={}).json()
    new = served.client(rotated["key"])

    assert rotated["id"] == key_id
    assert old.get("/v1/apps").status_code == 401
    assert new.get("/v1/apps").status_code == 200
    assert rotated["key"] not in served.http.get(f"/v1/keys/{key_id}").text


def test_with_a_grace_time_both_secrets_are_good_until_it_is_over(served: Served):
    made = served.post("/v1/keys", {"kind": "widget", "app": "echo", "origins": ["http://a.b"]})
    rotated = served.http.post(f"/v1/keys/{made['id']}/rotate", json={"grace_s": 60}).json()
    old, new = served.client(made["key"]), served.client(rotated["key"])
    for client in (old, new):
        client.headers["origin"] = "http://a.b"
        assert client.get("/v1/apps").status_code == 200
    assert rotated["signing_secret"] != made["signing_secret"]
    assert rotated["previous_until"] > rotated["created_at"]

    again = served.http.post(f"/v1/keys/{made['id']}/rotate", json={"grace_s": 60}).json()
    assert old.get("/v1/apps").status_code == 401
    assert new.get("/v1/apps").status_code == 200
    assert served.client(again["key"]).get("/v1/apps").status_code == 403  # good; but no origin


def test_what_has_ended_cannot_be_rotated(served: Served):
    key_id, _ = new_key(served)
    assert served.http.delete(f"/v1/keys/{key_id}").status_code == 204
    for ended in (key_id, "unknown"):
        answer = served.http.post(f"/v1/keys/{ended}/rotate", json={})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_key_expires(served: Served):
    soon = datetime.now(UTC) + timedelta(hours=1)
    key_id, client = new_key(served, expires_at=soon.isoformat())
    assert client.get("/v1/apps").status_code == 200
    assert served.http.get(f"/v1/keys/{key_id}").json()["expires_at"] > "2026"

    expire(served, key_id)

    assert client.get("/v1/apps").status_code == 401
    past = {"kind": "app", "app": "echo", "expires_at": "2020-01-01T00:00:00Z"}
    assert served.http.post("/v1/keys", json=past).status_code == 400


def _revoke(served: Served, key_id: str) -> None:
    assert served.http.delete(f"/v1/keys/{key_id}").status_code == 204


def _rotate(served: Served, key_id: str) -> None:
    assert served.http.post(f"/v1/keys/{key_id}/rotate", json={}).status_code == 200


@pytest.mark.parametrize("end", [_revoke, _rotate, expire])
def test_an_open_stream_ends_with_its_key(served: Served, end: Any):
    key_id, client = new_key(served, "slow")
    with client.stream("POST", "/v1/apps/slow/chat", json={"query": "x"}) as answer:
        stream = events(answer)
        _, started = next(stream)
        end(served, key_id)
        rest = list(stream)

    assert [name for name, _ in rest if name.startswith("run.")] == ["run.failed"]
    assert rest[-1][1]["error"]["code"] == "unauthenticated"
    assert rest[-1][1]["error"]["retryable"] is False
    if end is not _rotate:  # what nobody pays for any more is not generated on
        assert _ended(served, started["run_id"])["status"] == "cancelled"
    served.http.post(f"/v1/runs/{started['run_id']}/stop")


def test_a_reader_loses_the_stream_of_anothers_run_and_the_run_goes_on(served: Served):
    _, asking = new_key(served, "slow")
    key_id, reading = new_key(served, "slow")
    with asking.stream("POST", "/v1/apps/slow/chat", json={"query": "x"}) as answer:
        own = events(answer)
        run = next(own)[1]["run_id"]
        with reading.stream("GET", f"/v1/runs/{run}/events") as other:
            theirs = events(other)
            assert next(theirs)[0] == "run.started"
            _revoke(served, key_id)
            assert list(theirs)[-1][1]["error"]["code"] == "unauthenticated"
        assert next(own)[0] == "route"
        assert served.http.get(f"/v1/runs/{run}").json()["status"] == "running"
        served.http.post(f"/v1/runs/{run}/stop")
        assert list(own)[-1][0] == "run.cancelled"


def test_streams_of_a_deleted_app_end(served: Served):
    served.new_app("short-lived", base={"model": "slow", "retrieval": None})
    _, client = new_key(served, "short-lived")
    with client.stream("POST", "/v1/apps/short-lived/chat", json={"query": "x"}) as answer:
        stream = events(answer)
        next(stream)
        assert served.http.delete("/v1/apps/short-lived").status_code == 204
        assert list(stream)[-1][0] == "run.failed"


def _ended(served: Served, run_id: str) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        state = served.http.get(f"/v1/runs/{run_id}").json()
        if state["status"] != "running":
            return state
    raise AssertionError("the run goes on")
