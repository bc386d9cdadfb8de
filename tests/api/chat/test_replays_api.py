"""A stored question asked again of another version: same inputs and history, kept apart."""

from __future__ import annotations

import pytest

from kb.models.fake.server import FakeModelServer
from tests.api.serving import Served
from tests.api.talking import whole
from tests.server import frames

pytestmark = pytest.mark.usefixtures("talking_apps")


@pytest.fixture(scope="module")
def versioned(served: Served, sky: str, talking_apps: None) -> str:
    """An app with two versions; the second has another prompt and one input more."""
    draft = {
        "prompt": "First, {{inputs.who}}. {{context}}",
        "inputs": [{"name": "who", "required": True}],
        "dataset_ids": [sky],
        "base": {"model": "cite"},
    }
    served.new_app("versioned", **draft)
    draft |= {"prompt": "Second. {{context}}", "inputs": [{"name": "new"}]}
    served.http.put("/v1/apps/versioned/draft", json=draft)
    served.post("/v1/apps/versioned/publish")
    draft |= {"inputs": [{"name": "needed", "required": True}]}
    served.http.put("/v1/apps/versioned/draft", json=draft)
    served.post("/v1/apps/versioned/publish")
    served.http.post("/v1/apps/versioned/rollback", json={"version": 1})
    return "versioned"


def asked(served: Served, app: str) -> tuple[dict, dict]:
    """Two questions of one conversation."""
    inputs = {"who": "Ada"}
    first = whole(served.http, app, "When does the moon rise?", inputs=inputs)
    second = whole(
        served.http,
        app,
        "And the sun?",
        inputs=inputs,
        conversation_id=first["conversation_id"],
    )
    return first, second


def replay(served: Served, message_id: str, version: int, **fields):
    body = {"version": version, "stream": False, **fields}
    return served.http.post(f"/v1/messages/{message_id}/replay", json=body)


def test_a_replay_asks_another_version_with_what_was_said_before(
    served: Served, versioned: str, upstream: FakeModelServer
):
    first, second = asked(served, versioned)
    whole(
        served.http,
        versioned,
        "A later one?",
        inputs={"who": "Ada"},
        conversation_id=first["conversation_id"],
    )

    again = replay(served, second["message_id"], 2).json()

    assert again["app"] == {"slug": "versioned", "version": 2}
    sent = [message["content"] for message in upstream.requests[-1]["messages"]]
    assert sent[0].startswith("Second.")
    assert sent[1:] == ["When does the moon rise?", first["answer"], "And the sun?"]
    assert again["search_query"] == second["search_query"]


def test_a_replay_of_the_same_version_fills_in_the_same_inputs(
    served: Served, versioned: str, upstream: FakeModelServer
):
    first, _ = asked(served, versioned)
    again = replay(served, first["message_id"], 1)
    assert again.json()["answer"] == first["answer"]
    assert upstream.requests[-1]["messages"][0]["content"].startswith("First, Ada.")


def test_an_input_that_the_other_version_needs_is_named(served: Served, versioned: str):
    first, _ = asked(served, versioned)
    answer = replay(served, first["message_id"], 3)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert "needed" in answer.json()["detail"]
    assert replay(served, first["message_id"], 9).status_code == 404
    assert replay(served, "msg_none", 1).status_code == 404


def test_a_replay_streams_like_any_answer(served: Served, versioned: str):
    first, _ = asked(served, versioned)
    path = f"/v1/messages/{first['message_id']}/replay"
    with served.http.stream("POST", path, json={"version": 2}) as answer:
        names = [name for _, name, _ in frames(answer)]
    assert names[:3] == ["run.started", "route", "retrieval"]
    assert names[-1] == "run.completed"


def test_a_replay_is_kept_apart_for_admins_and_goes_with_its_message(
    served: Served, versioned: str
):
    client = served.with_new_key(kind="app", app=versioned)
    first, _ = asked(served, versioned)
    again = replay(served, first["message_id"], 2).json()
    twice = replay(served, again["message_id"], 1).json()
    talk, copy = first["conversation_id"], again["conversation_id"]

    assert client.get(f"/v1/conversations/{talk}/messages").status_code == 200
    for path in (f"/v1/conversations/{copy}/messages", f"/v1/runs/{again['run_id']}"):
        assert client.get(path).status_code == 404
    for http in (client, served.http):
        listed = http.get("/v1/conversations", params={"app": versioned, "limit": 500}).json()
        assert copy not in {item["id"] for item in listed["data"]}
    listed = served.http.get(f"/v1/messages/{first['message_id']}/replays").json()["data"]
    assert [item["id"] for item in listed] == [again["message_id"], twice["message_id"]]
    assert [item["app"]["version"] for item in listed] == [2, 1]
    (stored,) = served.http.get(f"/v1/conversations/{copy}/messages").json()["data"]
    assert stored["replay_of"] == first["message_id"]

    served.http.delete(f"/v1/conversations/{talk}")

    for gone in (again, twice):
        path = f"/v1/conversations/{gone['conversation_id']}/messages"
        assert served.http.get(path).status_code == 404


def test_a_repeated_replay_reads_the_first(
    served: Served, versioned: str, upstream: FakeModelServer
):
    first, _ = asked(served, versioned)
    count = len(upstream.requests)
    headers = {"idempotency-key": "replay once"}
    body = {"version": 2, "stream": False}
    path = f"/v1/messages/{first['message_id']}/replay"
    one, two = (served.http.post(path, json=body, headers=headers).json() for _ in range(2))
    assert one == two
    assert len(upstream.requests) == count + 1
