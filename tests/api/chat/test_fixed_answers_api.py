"""Fixed answers over HTTP: questions in other words, hits, import and export."""

from __future__ import annotations

import json

import pytest

from kb.models.fake.server import FakeModelServer
from tests.api.serving import Served
from tests.api.talking import whole

pytestmark = pytest.mark.usefixtures("talking_apps")

FIXED = {"question": "When does the moon rise over Ostrava?", "answer": "At nine. [1]"}
OTHER_WORDS = "Over Ostrava when does the moon rise?"


def test_a_question_in_other_words_gets_the_fixed_answer_and_is_counted(
    served: Served, sky: str, upstream: FakeModelServer
):
    served.new_app("nearly", dataset_ids=[sky], base={"model": "cite"})
    path = "/v1/apps/nearly/annotations"
    made = served.post(path, FIXED)
    assert (made["hits"], made["last_hit_at"]) == (0, None)
    asked = len(upstream.requests)
    first = whole(served.http, "nearly", OTHER_WORDS)
    assert (first["answer"], first["route"]["reason"]) == ("At nine.", "annotation")
    whole(served.http, "nearly", FIXED["question"], conversation_id=first["conversation_id"])
    assert len(upstream.requests) == asked

    (listed,) = served.http.get(path).json()["data"]
    hits = served.http.get(f"{path}/{made['id']}/hits").json()["data"]
    assert (listed["hits"], listed["last_hit_at"]) == (2, hits[0]["created_at"])
    assert [(hit["question"], hit["score"]) for hit in hits] == [
        (FIXED["question"], 1.0),
        (OTHER_WORDS, 1.0),
    ]
    assert served.http.get(f"/v1/apps/plain/annotations/{made['id']}/hits").json()["data"] == []
    other = whole(served.http, "nearly", "When does the moon set over Ostrava?")
    assert other["route"]["reason"] == "default"


def test_an_app_can_ask_for_the_same_wording(served: Served, sky: str):
    served.new_app("strict", dataset_ids=[sky])
    served.post("/v1/apps/strict/annotations", FIXED)
    assert served.http.get("/v1/apps/strict").json()["annotation_score"] == 0.75
    changed = served.http.patch("/v1/apps/strict", json={"annotation_score": 1})
    assert changed.json()["annotation_score"] == 1.0
    assert whole(served.http, "strict", OTHER_WORDS)["route"]["reason"] != "annotation"
    key = served.with_new_key(kind="app", app="strict")
    assert "annotation_score" not in key.get("/v1/apps/strict").json()


def test_a_stream_of_a_fixed_answer_can_be_resumed_and_gone_on_with(served: Served, sky: str):
    served.new_app("streamed", dataset_ids=[sky])
    served.post("/v1/apps/streamed/annotations", FIXED)
    stream = served.http.post("/v1/apps/streamed/chat", json={"query": OTHER_WORDS}).text
    frames = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: ")]
    again = served.http.get(f"/v1/runs/{frames[0]['run_id']}/events").text
    assert stream.count("event: run.completed") == 1
    assert [line for line in again.splitlines() if line.startswith("data: ")] == [
        line for line in stream.splitlines() if line.startswith("data: ")
    ]
    talk = frames[0]["conversation_id"]
    assert whole(served.http, "streamed", "Who is Ada?", conversation_id=talk)["route"]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_fixed_answers_go_out_and_come_back(served: Served, sky: str, form: str):
    for slug in (f"out-{form}", f"in-{form}"):
        served.new_app(slug, dataset_ids=[sky])
    answers = {
        "Who, exactly?": 'Ada, "the first"\nof them',
        "何时？": "九点",
        FIXED["question"]: "x",
    }
    for question, answer in answers.items():
        served.post(f"/v1/apps/out-{form}/annotations", {"question": question, "answer": answer})
    served.post(f"/v1/apps/in-{form}/annotations", FIXED | {"question": FIXED["question"].upper()})
    path = f"/v1/apps/in-{form}/annotations"
    file = served.http.get(f"/v1/apps/out-{form}/annotations/export", params={"to": form}).content
    for _ in range(2):
        answer = served.http.post(f"{path}/import", params={"form": form}, content=file)
        assert answer.status_code == 204, answer.text
    found = served.http.get(path).json()["data"]
    assert {each["question"]: each["answer"] for each in found} == answers


@pytest.mark.parametrize(
    "file", [b"question\nWho?\n", b"question,answer\nWho?,\n", b"question,answer\n\xff,x\n"]
)
def test_a_file_with_a_bad_row_changes_nothing(served: Served, sky: str, file: bytes):
    slug = f"bad-{len(file)}"
    served.new_app(slug, dataset_ids=[sky])
    path = f"/v1/apps/{slug}/annotations"
    good = b"question,answer\nWhen?,Now.\n" + file.partition(b"\n")[2]
    for content in (file, good):
        answer = served.http.post(f"{path}/import", content=content)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert served.http.get(path).json()["data"] == []
