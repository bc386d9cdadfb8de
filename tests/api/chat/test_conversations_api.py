"""Conversations over HTTP, and the passages that their answers cite."""

from __future__ import annotations

import pytest

from kb.models.fake.server import FakeModelServer
from tests.api.serving import Served
from tests.api.talking import whole

pytestmark = pytest.mark.usefixtures("talking_apps")


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
        "media_type",
        "blocks",
    }
    pages = served.http.get(f"/v1/documents/{source['document_id']}/pages").json()["data"]
    text = pages[0]["text"]
    start, end = passage["start"], passage["end"]
    assert passage["text"] == text[start:end]
    assert passage["before"] == text[max(start - 600, 0) : start]
    assert passage["after"] == text[end : end + 600]


def test_conversations_are_found_by_what_became_of_their_answers(served: Served):
    dataset_id = served.new_dataset("judged", {"a.md": "The comet comes in May."})
    served.new_app("judged", dataset_ids=[dataset_id])
    liked = whole(served.http, "judged", "When does the comet come?", user="ann")
    refused = whole(served.http, "judged", "Who feeds the wolves?", user="bob")
    said = {"rating": "like"}
    served.http.post(f"/v1/messages/{liked['message_id']}/feedback", json=said).raise_for_status()

    def found(**query: object) -> list[str]:
        page = served.http.get("/v1/conversations", params={"app": "judged", **query}).json()
        return [each["id"] for each in page["data"]]

    both = [refused["conversation_id"], liked["conversation_id"]]
    assert found() == both
    assert found(rating="like") == both[1:]
    assert found(rating="dislike") == []
    assert found(refused=True) == both[:1]
    assert found(refused=True, rating="like") == []
    assert found(rating="like", user="bob") == []


def test_a_passage_says_what_its_parts_are(served: Served):
    text = "# Fees 🌙\n\nWhat a comet costs.\n\n| Comet | Fee |\n|---|---|\n| Halley | 75 |\n"
    dataset_id = served.new_dataset("parts", {"fees.md": text})
    served.new_app("parts", dataset_ids=[dataset_id])
    made = whole(served.http, "parts", "What does the comet Halley cost?")

    passage = served.http.get(f"/v1/messages/{made['message_id']}/sources/1").json()

    shown = passage["before"] + passage["text"] + passage["after"]
    parts = [(each["kind"], shown[each["start"] : each["end"]]) for each in passage["blocks"]]
    assert parts[0] == ("heading", "# Fees 🌙")
    assert parts[-1] == ("table", "| Comet | Fee |\n|---|---|\n| Halley | 75 |")
    assert passage["media_type"] == "text/markdown"


def test_a_source_whose_document_has_changed_stands_alone_as_it_was(served: Served):
    dataset_id = served.new_dataset("changing", {"a.md": "The comet comes in May."})
    served.new_app("changing", dataset_ids=[dataset_id])
    made = whole(served.http, "changing", "When does the comet come?")
    served.upload(dataset_id, {"a.md": "Something else altogether stands here now."})

    passage = served.http.get(f"/v1/messages/{made['message_id']}/sources/1").json()

    assert (passage["before"], passage["after"]) == ("", "")
    assert passage["text"] == made["sources"][0]["text"]


def test_a_conversation_can_be_renamed_and_read(served: Served):
    made = whole(served.http, "plain", "When does the moon rise?", user="ann")
    path = f"/v1/conversations/{made['conversation_id']}"
    assert served.http.get(path).json()["name"] == "When does the moon rise?"

    renamed = served.http.patch(path, json={"name": "  The moon  "})

    assert (renamed.status_code, renamed.json()["name"]) == (200, "The moon")
    assert served.http.get(path).json() == renamed.json()
    assert served.http.patch(path, json={"name": " "}).status_code == 400
    client = served.with_new_key(kind="app", app="plain")
    for look in (client.get, lambda p, params: client.patch(p, params=params, json={"name": "x"})):
        assert look(path, params={"user": "bob"}).status_code == 404
    mine = client.patch(path, params={"user": "ann"}, json={"name": "Mine"})
    assert mine.json()["name"] == "Mine"


def test_the_query_that_was_searched_is_shown_live_and_stored(served: Served):
    first = whole(served.http, "plain", "When does the moon rise over Ostrava?")
    again = whole(served.http, "plain", "And the sun?", conversation_id=first["conversation_id"])

    assert first["search_query"] == "When does the moon rise over Ostrava?"
    assert again["search_query"] == "And the sun (moon rise Ostrava)?"
    path = f"/v1/conversations/{first['conversation_id']}/messages"
    stored = served.http.get(path).json()["data"]
    assert [item["search_query"] for item in stored] == [
        first["search_query"],
        again["search_query"],
    ]
    assert "timings_ms" in again
    run = served.http.get(f"/v1/runs/{again['run_id']}").json()
    assert run["search_query"] == again["search_query"]


def test_questions_are_suggested_after_an_answer_once(
    served: Served, sky: str, upstream: FakeModelServer
):
    lines = "1. When does the sun set?\n- Why so late?\n\nWhere is Ostrava?\nAnd a fourth?"
    body = {"name": "ideas", "model": f"say:{lines}", "base_url": upstream.base_url}
    served.post("/v1/models", body)
    served.new_app(
        "ideas", prompt="Hidden: quicksilver.", dataset_ids=[sky], base={"model": "ideas"}
    )
    client = served.with_new_key(kind="app", app="ideas")
    made = whole(client, "ideas", "When does the moon rise?")
    path = f"/v1/messages/{made['message_id']}/suggested"
    count = len(upstream.requests)

    found = client.get(path).json()

    wanted = ["When does the sun set?", "Why so late?", "Where is Ostrava?"]
    assert found == {"data": wanted, "next": None}
    assert "quicksilver" not in str(upstream.requests[-1])
    assert client.get(path).json() == found
    assert len(upstream.requests) == count + 1, "a model is asked once per answer"
    other = served.with_new_key(kind="app", app="plain")
    assert other.get(path).status_code == 404
    assert client.get(path, params={"user": "bob"}).status_code == 404


@pytest.mark.parametrize("app", ["plain", "failing"])
def test_without_a_working_model_nothing_is_suggested(served: Served, app: str):
    served.http.post(f"/v1/apps/{app}/chat", json={"query": "When?", "stream": False})
    talk = served.http.get("/v1/conversations", params={"app": app, "limit": 1}).json()["data"][0]
    path = f"/v1/conversations/{talk['id']}/messages"
    message = served.http.get(path).json()["data"][0]["id"]
    suggested = served.http.get(f"/v1/messages/{message}/suggested")
    assert (suggested.status_code, suggested.json()) == (200, {"data": [], "next": None})
