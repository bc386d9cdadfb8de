"""Dify's chat API on the wire: what its clients read of it."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.api.serving import Served
from tests.api.talking import HIDDEN

QUESTION = "When does the moon rise over Ostrava?"
pytestmark = pytest.mark.usefixtures("talking_apps")


@pytest.fixture(scope="module")
def dify(served: Served, talking_apps: None) -> Any:
    """A client with a key of the app of that name."""
    made: dict[str, httpx.Client] = {}

    def client(slug: str = "cite") -> httpx.Client:
        if slug not in made:
            app = served.http.get(f"/v1/apps/{slug}").json()["id"]
            made[slug] = served.with_new_key(name=slug, kind="app", app=app)
            made[slug].base_url = f"{served.url}/dify/v1/"
        return made[slug]

    return client


def asked(http: httpx.Client, user: str = "ann", query: str = QUESTION, **body: Any) -> Any:
    sent = {"query": query, "inputs": {}, "user": user, "files": None, **body}
    answer = http.post("chat-messages", json=sent)
    assert answer.status_code == 200, answer.text
    return answer.json()


def streamed(http: httpx.Client, **body: Any) -> list[dict[str, Any]]:
    sent = {"query": QUESTION, "user": "ann", "response_mode": "streaming", **body}
    answer = http.post("chat-messages", json=sent)
    assert answer.status_code == 200, answer.text
    frames = answer.text.removesuffix("\n\n").split("\n\n")
    return [json.loads(frame.rpartition("data: ")[2]) for frame in frames]


def test_a_stream_has_messages_and_ends_with_what_they_rest_on(dify: Any):
    *told, end = streamed(dify())
    assert {each["event"] for each in told} == {"message"}
    assert end["event"] == "message_end"
    text = "".join(each["answer"] for each in told)
    assert text.startswith("According to the documents: The moon rises over Ostrava")
    ids = ("task_id", "id", "message_id", "conversation_id", "created_at")
    assert len({tuple(each[name] for name in ids) for each in [*told, end]}) == 1
    (first, *_) = end["metadata"]["retriever_resources"]
    assert (first["position"], first["dataset_name"]) == (1, "sky")
    assert (first["document_name"], first["page"]) == ("moon.md", 1)
    assert "moon" in first["content"]
    usage = end["metadata"]["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 0


def test_a_whole_answer_says_what_the_stream_says(dify: Any):
    whole = asked(dify())
    *told, end = streamed(dify())
    assert whole["answer"] == "".join(each["answer"] for each in told)
    found = end["metadata"]["retriever_resources"]
    assert whole["metadata"]["retriever_resources"] == found
    assert (whole["mode"], whole["event"]) == ("chat", "message")


def test_a_conversation_goes_on_and_is_read_in_pages_from_its_end(dify: Any):
    http = dify("plain")
    first = asked(http, "pager", conversation_id="")
    talk = {"conversation_id": first["conversation_id"]}
    ids = [first["id"], *(asked(http, "pager", **talk)["id"] for _ in range(2))]
    own = {"user": "pager", **talk}
    last = http.get("messages", params={**own, "limit": 2}).json()
    assert ([each["id"] for each in last["data"]], last["has_more"]) == (ids[1:], True)
    before = http.get("messages", params={**own, "first_id": ids[1], "limit": 2}).json()
    assert ([each["id"] for each in before["data"]], before["has_more"]) == (ids[:1], False)
    assert before["data"][0]["query"] == QUESTION
    assert before["data"][0]["retriever_resources"][0]["dataset_name"] == "sky"


def test_conversations_are_listed_by_when_they_went_on_last(dify: Any):
    http, user = dify("plain"), "lister"
    talks = [asked(http, user)["conversation_id"] for _ in range(3)]
    asked(http, user, conversation_id=talks[0])
    page = http.get("conversations", params={"user": user, "limit": 2, "last_id": ""}).json()
    assert [each["id"] for each in page["data"]] == [talks[0], talks[2]]
    assert page["has_more"] is True
    rest = {"user": user, "limit": 2, "last_id": talks[2]}
    assert [each["id"] for each in http.get("conversations", params=rest).json()["data"]] == [
        talks[1]
    ]
    oldest = http.get("conversations", params={"user": user, "sort_by": "created_at"}).json()
    assert [each["id"] for each in oldest["data"]] == talks


def test_a_conversation_is_renamed_and_deleted_by_its_user_only(dify: Any):
    http = dify("plain")
    talk = asked(http, "namer")["conversation_id"]
    path, own = f"conversations/{talk}", {"user": "namer"}
    assert http.post(f"{path}/name", json={**own, "name": "Moon"}).json()["name"] == "Moon"
    again = http.post(f"{path}/name", json={**own, "name": "", "auto_generate": True})
    assert again.json()["name"] == QUESTION
    assert http.post(f"{path}/name", json={"user": "other", "name": "x"}).status_code == 404
    assert http.get(f"{path}/variables", params=own).json()["data"] == []
    assert http.request("DELETE", path, json={"user": "other"}).status_code == 404
    assert http.request("DELETE", path).status_code == 404
    assert http.request("DELETE", path, json=own).status_code == 204
    gone = http.get("messages", params={**own, "conversation_id": talk})
    assert (gone.status_code, gone.json()["code"]) == (404, "not_found")


def test_nobody_is_shown_what_another_user_or_app_has(dify: Any):
    said = asked(dify("plain"), "secretive")
    message, talk, task = (said[each] for each in ("id", "conversation_id", "task_id"))
    for http, user in ((dify("plain"), "nosy"), (dify("cite"), "secretive"), (dify("plain"), None)):
        who = {"user": user} if user else {}
        assert talk not in http.get("conversations", params=who).text
        answers = (
            http.get("messages", params={**who, "conversation_id": talk}),
            http.get(f"messages/{message}/suggested", params=who),
            http.get(f"conversations/{talk}/variables", params=who),
            http.post(f"messages/{message}/feedbacks", json={**who, "rating": "like"}),
            http.post(f"chat-messages/{task}/stop", json=who),
            http.post(f"conversations/{talk}/name", json={**who, "name": "x"}),
            http.post(
                "chat-messages", json={"user": "nosy", "query": "x", "conversation_id": talk}
            ),
        )
        assert {each.status_code for each in answers} == {404}


def test_feedback_is_given_and_taken_back(dify: Any):
    http, own = dify("plain"), {"user": "judge"}
    said = asked(http, "judge")
    for rating in ("like", "dislike", None):
        path = f"messages/{said['id']}/feedbacks"
        answer = http.post(path, json={**own, "rating": rating, "content": ""})
        assert answer.json() == {"result": "success"}
        talk = {**own, "conversation_id": said["conversation_id"]}
        (message,) = http.get("messages", params=talk).json()["data"]
        assert message["feedback"] == (rating and {"rating": rating})


def test_an_answer_is_stopped_by_its_user_and_keeps_what_was_written(dify: Any):
    http = dify("endless")
    body = {"query": QUESTION, "user": "ann", "response_mode": "streaming"}
    with http.stream("POST", "chat-messages", json=body) as answer:
        lines = answer.iter_lines()
        task = json.loads(next(lines).removeprefix("data: "))["task_id"]
        for user, status in (("eve", 404), ("ann", 200)):
            stopped = http.post(f"chat-messages/{task}/stop", json={"user": user})
            assert stopped.status_code == status
        *_, last = filter(None, lines)
    assert json.loads(last.removeprefix("data: "))["event"] == "message_end"
    again = http.post(f"chat-messages/{task}/stop", json={"user": "ann"})
    assert again.json() == {"result": "success"}


def test_a_failure_in_the_middle_is_an_error_by_name_and_by_data(dify: Any):
    body = {"query": QUESTION, "user": "ann", "response_mode": "streaming"}
    text = dify("cut").post("chat-messages", json=body).text
    last = text.removesuffix("\n\n").rpartition("\n\n")[2]
    name, _, data = last.partition("\n")
    assert name == "event: error"
    said = json.loads(data.removeprefix("data: "))
    assert (said["event"], said["code"], said["status"]) == (
        "error",
        "completion_request_error",
        400,
    )


def test_a_front_end_learns_how_the_app_presents_itself(served: Served, dify: Any):
    given = [
        {"name": "tone", "type": "select", "options": ["dry", "warm"], "required": True},
        {"name": "place", "label": "Where", "max_length": 20},
    ]
    served.new_app("shown", inputs=given, prompt="{{inputs.tone}}")
    served.http.patch("/v1/apps/shown", json={"opening": "Hello", "suggested_questions": ["Why?"]})
    http = dify("shown")
    told = http.get("parameters", params={"user": "ann"}).json()
    assert (told["opening_statement"], told["suggested_questions"]) == ("Hello", ["Why?"])
    select, text = told["user_input_form"]
    assert select["select"]["options"] == ["dry", "warm"]
    assert text["text-input"]["label"] == "Where"
    assert http.get("info").json()["name"] == "shown"
    assert http.get("site").json()["title"] == "shown"
    assert http.get("meta").json() == {"tool_icons": {}}
    missing = http.post("chat-messages", json={"query": "x", "user": "a", "inputs": {}})
    assert (missing.status_code, missing.json()["code"]) == (400, "invalid_param")


def test_a_key_of_an_app_fixes_its_answers(dify: Any):
    http = dify()
    said = {"question": "Who?", "answer": "Nobody."}
    made = http.post("apps/annotations", json=said).json()
    http.put(f"apps/annotations/{made['id']}", json={**said, "answer": "Everybody."})
    listed = http.get("apps/annotations", params={"page": 1, "limit": 20}).json()
    assert (listed["total"], listed["data"][0]["answer"]) == (1, "Everybody.")
    for keyword, total in (("who", 1), ("EVERY", 1), ("moon", 0)):
        found = http.get("apps/annotations", params={"keyword": keyword}).json()
        assert found["total"] == total
    assert http.get("apps/annotations", params={"page": 2}).json()["data"] == []
    assert dify("plain").get("apps/annotations").json()["total"] == 0
    assert asked(http, query="who")["answer"] == "Everybody."
    assert http.delete(f"apps/annotations/{made['id']}").status_code == 204
    assert http.delete(f"apps/annotations/{made['id']}").status_code == 404


def test_a_public_key_of_a_widget_fixes_no_answers(served: Served, talking_apps: None):
    origin = "https://shop.example"
    made = served.post("/v1/keys", {"kind": "widget", "app": "cite", "origins": [origin]})
    http = served.client(made["key"])
    http.headers["origin"] = origin
    said = {"question": "Who?", "answer": "Me."}
    for answer in (
        http.get("/dify/v1/apps/annotations"),
        http.post("/dify/v1/apps/annotations", json=said),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_fixed_answers_are_always_given(dify: Any):
    job = dify().post("apps/annotation-reply/enable", json={"score_threshold": 0.9}).json()
    status = dify().get(f"apps/annotation-reply/enable/status/{job['job_id']}").json()
    assert status["job_status"] == "completed"
    refused = dify().post("apps/annotation-reply/disable", json={})
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_param")


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("chat-messages", {"query": "x"}, 400, "invalid_param"),
        ("chat-messages", {"query": "x", "user": "a", "inputs": {"no": "x"}}, 400, "invalid_param"),
        (
            "chat-messages",
            {"query": "x", "user": "a", "files": [{"type": "image"}]},
            415,
            "unsupported_file_type",
        ),
        ("chat-messages", {"query": "x", "user": "a", "conversation_id": "no"}, 404, "not_found"),
        ("conversations/no/name", {"user": "a"}, 400, "invalid_param"),
        ("files/upload", {}, 415, "unsupported_file_type"),
        ("audio-to-text", {}, 400, "provider_not_support_speech_to_text"),
        ("completion-messages", {}, 400, "app_unavailable"),
    ],
)
def test_errors_have_dify_s_shape_and_codes(dify: Any, path, body, status, code):
    answer = dify().post(path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.json()["status"] == status
    assert answer.json()["message"]


def test_whoever_finds_an_error_it_has_the_shape(served: Served, dify: Any):
    nobody = served.client("wrong").get("/dify/v1/info")
    assert (nobody.status_code, nobody.json()["code"]) == (401, "unauthorized")
    several = served.http.get("/dify/v1/info")
    assert (several.status_code, several.json()["code"]) == (400, "app_unavailable")
    failing = dify("failing").post("chat-messages", json={"query": "x", "user": "a"})
    assert (failing.status_code, failing.json()["code"]) == (400, "completion_request_error")
    assert dify().get("nothing").json()["code"] == "not_found"


def test_the_hidden_prompt_and_its_length_stay_hidden(dify: Any, served: Served):
    own = asked(dify())
    native = served.http.post("/v1/apps/cite/chat", json={"query": QUESTION, "stream": False})
    used = own["metadata"]["usage"]["prompt_tokens"]
    assert used < native.json()["usage"]["prompt_tokens"]
    assert HIDDEN.split("\n")[0] not in json.dumps(own)
