"""What people say about answers, and the answers that an operator fixes."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from kb.models.fake.server import FakeModelServer
from tests.api.serving import Served
from tests.api.talking import whole

pytestmark = pytest.mark.usefixtures("talking_apps")


def said(http: httpx.Client, answer: dict[str, Any]) -> Any:
    path = f"/v1/conversations/{answer['conversation_id']}/messages"
    return http.get(path).json()["data"][0]["feedback"]


def give(http: httpx.Client, answer: dict[str, Any], **body: Any) -> httpx.Response:
    return http.post(f"/v1/messages/{answer['message_id']}/feedback", json=body)


def test_feedback_can_be_given_changed_and_taken_back(served: Served):
    answer = whole(served.http, "plain", "When does the moon rise over Ostrava?")
    assert said(served.http, answer) is None

    given = give(served.http, answer, rating="dislike", text="Wrong.", better_answer="At ten.")
    assert given.status_code == 200
    found = said(served.http, answer)
    assert (found["rating"], found["text"], found["better_answer"]) == (
        "dislike",
        "Wrong.",
        "At ten.",
    )
    assert given.json()["feedback"] == found
    give(served.http, answer, rating="like")
    assert (said(served.http, answer)["rating"], said(served.http, answer)["text"]) == ("like", "")
    assert give(served.http, answer, rating=None).json() == {"feedback": None}
    assert said(served.http, answer) is None


def test_a_dislike_may_have_a_reason_of_a_fixed_set_and_nothing_else_may(served: Served):
    answer = whole(served.http, "plain", "When does the moon rise over Ostrava?")

    give(served.http, answer, rating="dislike", reason="outdated", text="Since May.")
    assert said(served.http, answer)["reason"] == "outdated"
    listed = served.http.get("/v1/apps/plain/feedback").json()["data"]
    assert listed[0]["reason"] == "outdated"
    assert give(served.http, answer, rating="dislike", reason="boring").status_code == 400
    refused = give(served.http, answer, rating="like", reason="wrong")
    assert refused.status_code == 400
    assert "dislike" in refused.json()["detail"]
    give(served.http, answer, rating="dislike")
    assert said(served.http, answer)["reason"] is None


def test_users_and_the_operator_have_an_opinion_each(served: Served):
    client = served.with_new_key(kind="app", app="plain")
    answer = whole(client, "plain", "When does the moon rise over Ostrava?")
    give(client, answer, rating="like")
    give(served.http, answer, rating="dislike", text="No source for the year.")

    assert said(client, answer)["rating"] == "like"
    assert said(served.http, answer)["rating"] == "dislike"
    path = f"/v1/messages/{answer['message_id']}"
    every = served.http.get(path).json()["said"]
    assert [each["source"] for each in every] == ["user", "operator"]
    assert "said" not in client.get(path).json()
    listed = served.http.get("/v1/apps/plain/feedback", params={"limit": 2}).json()["data"]
    assert {(item["source"], item["rating"]) for item in listed} == {
        ("user", "like"),
        ("operator", "dislike"),
    }
    disliked = served.http.get("/v1/apps/plain/feedback", params={"rating": "dislike"}).json()
    assert {item["rating"] for item in disliked["data"]} == {"dislike"}
    served.http.delete(f"/v1/conversations/{answer['conversation_id']}")
    left = served.http.get("/v1/apps/plain/feedback", params={"limit": 500}).json()["data"]
    assert answer["message_id"] not in {item["message_id"] for item in left}


def test_a_message_and_the_list_of_feedback_show_what_was_judged(served: Served):
    client = served.with_new_key(kind="app", app="plain")
    answer = whole(client, "plain", "When does the moon rise over Ostrava?")
    give(client, answer, rating="dislike", text="Too early.")
    path = f"/v1/messages/{answer['message_id']}"
    found = client.get(path).json()
    shared = ("answer", "sources", "citations", "grounded", "route", "usage", "conversation_id")
    assert {name: found[name] for name in shared} == {name: answer[name] for name in shared}
    assert (found["query"], found["app"]["version"], found["rating"]) == (
        "When does the moon rise over Ostrava?",
        1,
        "dislike",
    )
    assert served.http.get(path).json()["rating"] is None  # the operator has not said anything
    assert client.get(path, params={"user": "bob"}).status_code == 404
    assert served.with_new_key(kind="app", app="cite").get(path).status_code == 404

    listed = served.http.get("/v1/apps/plain/feedback", params={"limit": 1}).json()["data"][0]
    assert (listed["text"], listed["version"]) == ("Too early.", 1)
    assert (listed["question"], listed["conversation_id"]) == (
        found["query"],
        answer["conversation_id"],
    )
    assert [each["n"] for each in listed["sources"]] == [each["n"] for each in answer["sources"]]
    assert "prompt_hidden" not in str(listed)


def test_feedback_pages_add_up(served: Served):
    served.new_app("paged", dataset_ids=[], base={"model": "cite"})
    answers = [whole(served.http, "paged", f"Question {n}?") for n in range(3)]
    for answer in answers:
        give(served.http, answer, rating="like")
    found, cursor = [], None
    while True:
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = served.http.get("/v1/apps/paged/feedback", params=query).json()
        found += [item["message_id"] for item in page["data"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert found == [answer["message_id"] for answer in reversed(answers)]


def test_nobody_speaks_about_an_answer_that_they_cannot_see(served: Served):
    answer = whole(served.http, "plain", "When does the moon rise?", user="ann")
    other = served.with_new_key(kind="app", app="cite")
    assert give(other, answer, rating="like").status_code == 404
    mine = served.with_new_key(kind="app", app="plain")
    path = f"/v1/messages/{answer['message_id']}/feedback"
    as_bob = mine.post(path, json={"rating": "like"}, params={"user": "bob"})
    assert as_bob.status_code == 404
    as_ann = mine.post(path, json={"rating": "like"}, params={"user": "ann"})
    assert as_ann.status_code == 200
    assert give(served.http, answer, rating="meh").status_code == 400


def test_a_fixed_answer_is_given_word_for_word_without_a_model(
    served: Served, sky: str, upstream: FakeModelServer
):
    served.new_app("fixing", dataset_ids=[sky], base={"model": "cite"})
    path = "/v1/apps/fixing/annotations"
    fixed = {"question": "When does the moon rise?", "answer": "At nine, except on leap days. [1]"}
    made = served.post(path, fixed)
    count = len(upstream.requests)

    for query in (fixed["question"], "  when DOES the moon rise", "When does the moon rise？！"):
        answer = whole(served.http, "fixing", query)
        assert answer["answer"] == "At nine, except on leap days."
        assert answer["route"]["reason"] == "annotation"
        assert answer["usage"]["prompt_tokens"] == 0
    assert len(upstream.requests) == count
    other = whole(served.http, "fixing", "When does the moon rise over Ostrava?")
    assert other["route"]["reason"] == "default"
    looked_at = whole(served.http, "fixing", fixed["question"], version=1)
    assert looked_at["route"]["reason"] == "default"
    assert served.http.post(path, json=fixed).status_code == 409
    assert [item["id"] for item in served.http.get(path).json()["data"]] == [made["id"]]
    assert served.http.delete(f"{path}/{made['id']}").status_code == 204
    assert served.http.delete(f"{path}/{made['id']}").status_code == 404
    assert whole(served.http, "fixing", fixed["question"])["route"]["reason"] == "default"


def test_an_answer_can_be_fixed_as_it_was_given_or_corrected(served: Served, sky: str):
    served.new_app("kept", dataset_ids=[sky])
    answer = whole(served.http, "kept", "When does the moon rise over Ostrava?")
    path = "/v1/apps/kept/annotations"
    made = served.post(path, {"message_id": answer["message_id"], "answer": "At nine."})
    assert (made["question"], made["answer"]) == (
        "When does the moon rise over Ostrava?",
        "At nine.",
    )
    foreign = whole(served.http, "plain", "When does the sun set?")
    assert served.http.post(path, json={"message_id": foreign["message_id"]}).status_code == 404
    assert served.http.post(path, json={"question": "x"}).status_code == 400
    assert served.http.delete(path).status_code == 204
    assert served.http.get(path).json()["data"] == []


def test_a_deleted_app_takes_its_annotations_and_feedback_along(served: Served, sky: str):
    served.new_app("leaving", dataset_ids=[sky])
    answer = whole(served.http, "leaving", "When does the moon rise?")
    give(served.http, answer, rating="like")
    served.post("/v1/apps/leaving/annotations", {"question": "x?", "answer": "y"})
    assert served.http.delete("/v1/apps/leaving").status_code == 204
    assert served.http.get("/v1/apps/leaving/feedback").status_code == 404
