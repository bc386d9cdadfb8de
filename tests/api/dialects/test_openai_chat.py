"""OpenAI's chat dialect on the wire: what clients read of it, to the byte where they are strict."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.api.serving import Served
from tests.api.talking import HIDDEN

ASKED = [{"role": "user", "content": "When does the moon rise over Ostrava?"}]
pytestmark = pytest.mark.usefixtures("talking_apps")


def posted(http: httpx.Client, path: str = "chat/completions", **body: Any) -> httpx.Response:
    return http.post(f"/openai/v1/{path}", json={"messages": ASKED, **body})


def chunks(answer: httpx.Response) -> list[Any]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    frames = answer.text.removesuffix("\n\n").split("\n\n")
    data = [frame.removeprefix("data: ") for frame in frames]
    assert all(frame.startswith("data: ") and "\n" not in frame for frame in frames), frames
    return [each if each == "[DONE]" else json.loads(each) for each in data]


def text_of(stream: list[Any]) -> str:
    choices = [chunk["choices"][0] for chunk in stream[:-1] if chunk["choices"]]
    return "".join(choice["delta"].get("content", "") for choice in choices)


@pytest.fixture(scope="module")
def reader(served: Served, talking_apps: None) -> httpx.Client:
    app = served.http.get("/v1/apps/cite").json()["id"]
    return served.with_new_key(name="reader", kind="app", app=app)


def test_a_stream_has_a_role_text_with_sources_citations_usage_and_an_end(served: Served):
    options = {"include_usage": True}
    stream = chunks(posted(served.http, model="cite", stream=True, stream_options=options))

    *told, last, used, done = stream
    assert done == "[DONE]"
    assert told[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert text_of(stream).startswith("According to the documents: The moon rises over Ostrava")
    assert "moon" in told[1]["search_results"][0]["snippet"]
    assert not any("search_results" in chunk for chunk in told[2:])
    cited = last["choices"][0]["delta"]["annotations"][0]["url_citation"]
    assert text_of(stream)[cited["start_index"] : cited["end_index"]] == "[1]"
    assert (cited["title"], cited["page"]) == ("moon.md", 1)
    assert last["choices"][0]["finish_reason"] == "stop"
    assert "content" not in last["choices"][0]["delta"]
    assert used["choices"] == []
    assert used["usage"]["completion_tokens"] > 0
    assert all(chunk["usage"] is None for chunk in [*told, last])
    assert {chunk["id"] for chunk in stream[:-1]} == {last["id"]}
    assert last["system_fingerprint"] == "cite.v1.base"


def test_usage_is_told_only_to_who_asks_for_it(served: Served):
    stream = chunks(posted(served.http, model="cite", stream=True))
    assert not any("usage" in chunk for chunk in stream[:-1])


def test_a_whole_answer_says_what_the_stream_says(served: Served):
    whole = posted(served.http, model="plain").json()
    stream = chunks(posted(served.http, model="plain", stream=True))
    message = whole["choices"][0]["message"]
    assert message["content"] == text_of(stream)
    assert message["annotations"] == stream[-2]["choices"][0]["delta"]["annotations"]
    assert whole["search_results"] == stream[1]["search_results"]
    assert whole["grounded"] is True


def test_the_history_is_the_client_s_and_its_system_text_replaces_nothing(
    served: Served, upstream: Any
):
    messages = [
        {"role": "system", "content": "Answer like a pirate."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": [{"type": "text", "text": "Ahoy"}]},
        *ASKED,
    ]
    assert posted(served.http, model="cite", messages=messages).status_code == 200
    first, hello, ahoy, last = upstream.requests[-1]["messages"]
    assert first["role"] == "system"
    assert first["content"].startswith("Hidden word")
    assert "pirate" not in first["content"]
    assert (hello["content"], ahoy["content"]) == ("Hello", "Ahoy")
    assert last["content"] == f"Answer like a pirate.\n\n{ASKED[0]['content']}"


def test_sampling_reaches_the_model(served: Served, upstream: Any):
    asked = {"temperature": 0.5, "max_tokens": 9, "stop": "END", "seed": 7, "top_p": 0.5}
    assert posted(served.http, model="cite", **asked).status_code == 200
    sent = upstream.requests[-1]
    assert {name: sent[name] for name in asked} == {**asked, "stop": ["END"]}


def test_an_option_behind_the_slug_chooses_the_variant_or_leaves_out_the_search(served: Served):
    routes = {
        option: posted(served.http, model=f"switch{option}").json()["system_fingerprint"]
        for option in ("", ":base", ":tuned")
    }
    assert routes == {"": "switch.v1.base", ":base": "switch.v1.base", ":tuned": "switch.v1.tuned"}
    plain = posted(served.http, model="cite:plain").json()
    assert "search_results" not in plain
    assert plain["choices"][0]["message"]["content"] == "The documents say nothing about this."


def test_an_admin_asks_a_registered_model_by_its_name(served: Served, upstream: Any, reader: Any):
    served.post("/v1/models", {"name": "raw", "model": "echo", "base_url": upstream.base_url})
    answer = posted(
        served.http, model="raw", messages=[{"role": "system", "content": "Be brief."}, *ASKED]
    )
    assert answer.json()["choices"][0]["message"]["content"] == ASKED[0]["content"]
    assert upstream.requests[-1]["messages"][0] == {"role": "system", "content": "Be brief."}
    assert posted(reader, model="raw").json()["error"]["code"] == "model_not_found"


def test_a_completion_is_what_a_completion_style_model_was_trained_on(
    served: Served, upstream: Any
):
    trained = {"style": "completion", "separator": "\n\n###\n\n", "stop": [" END"]}
    body = {"name": "tuned-1", "model": "say:nine", "base_url": upstream.base_url, **trained}
    served.post("/v1/models", body)
    for prompt in ("When?", "When?\n\n###\n\n"):
        answer = posted(served.http, "completions", model="tuned-1", prompt=prompt).json()
        assert answer["choices"][0]["text"].strip() == "nine"
        assert upstream.requests[-1]["prompt"] == "When?\n\n###\n\n"


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        ({"model": "nobody"}, 404, "model_not_found", None),
        ({"model": "cite", "messages": []}, 400, "invalid_request", "messages"),
        ({"model": "cite", "n": 2}, 400, "unsupported_value", "n"),
        (
            {"model": "cite", "response_format": {"type": "json_object"}},
            400,
            "unsupported_value",
            "response_format",
        ),
        (
            {"model": "cite", "messages": [{"role": "user", "content": "a\0b"}]},
            400,
            "invalid_request",
            "messages.0.content",
        ),
        ({"model": "cite", "temperature": 3}, 400, "invalid_request", "temperature"),
        ({"model": "failing"}, 503, "model_unavailable", None),
        (
            {"model": "cite", "messages": [{"role": "system", "content": "x"}]},
            400,
            "invalid_request",
            "messages",
        ),
        (
            {"model": "cite", "messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            400,
            "unsupported_value",
            "messages",
        ),
    ],
)
def test_errors_come_in_openai_s_envelope(served, body, status, code, param):
    answer = posted(served.http, **body)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert (error["code"], error["param"]) == (code, param)
    assert error["message"]
    assert answer.headers["content-type"] == "application/json"


def test_whoever_finds_an_error_it_is_in_the_envelope(served: Served):
    nobody = posted(served.client("wrong"), model="cite")
    assert (nobody.status_code, nobody.json()["error"]["code"]) == (401, "unauthenticated")
    assert nobody.headers["www-authenticate"] == "Bearer"
    broken = served.http.post("/openai/v1/chat/completions", content=b"{")
    assert (broken.status_code, broken.json()["error"]["type"]) == (400, "invalid_request_error")
    large = served.client(served.kb.access.admin_key).post(
        "/openai/v1/chat/completions", content=b"x" * (2 << 20)
    )
    assert (large.status_code, large.json()["error"]["code"]) == (413, "too_large")
    assert served.http.get("/openai/v1/nothing").json()["error"]["code"] == "not_found"


def test_a_failure_in_the_middle_is_one_error_and_no_end(served: Served):
    stream = chunks(posted(served.http, model="cut", stream=True))
    assert stream[-1]["error"]["code"] == "model_unavailable"
    assert "[DONE]" not in stream


def test_who_leaves_ends_the_answer(served: Served):
    body = {"model": "endless", "messages": ASKED, "stream": True}
    with served.http.stream("POST", "/openai/v1/chat/completions", json=body) as answer:
        first = next(iter(answer.iter_lines()))
    run_id = json.loads(first.removeprefix("data: "))["id"].removeprefix("chatcmpl-")
    for _ in range(200):
        run = served.http.get(f"/v1/runs/{run_id}").json()
        if run["status"] != "running":
            break
    assert (run["status"], run["reason"]) == ("cancelled", "left")


def test_the_hidden_prompt_and_its_length_stay_hidden(served: Served, reader: httpx.Client):
    own = posted(reader, model="cite").json()
    full = posted(served.http, model="cite").json()
    assert own["usage"]["prompt_tokens"] < full["usage"]["prompt_tokens"]
    assert HIDDEN.split("\n")[0] not in json.dumps([own, full])


def test_a_key_sees_its_apps_as_models(served: Served, reader: httpx.Client):
    assert [each["id"] for each in reader.get("/openai/v1/models").json()["data"]] == ["cite"]
    assert reader.get("/openai/v1/models/cite:tuned").json()["object"] == "model"
    assert reader.get("/openai/v1/models/plain").status_code == 404
    everything = {each["id"] for each in served.http.get("/openai/v1/models").json()["data"]}
    assert {"cite", "plain", "count"} <= everything
