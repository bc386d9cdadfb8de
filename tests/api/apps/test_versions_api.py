"""Versions of an app: immutable, compared field by field, restored in one call."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.serving import Served
from tests.api.talking import whole

INPUTS = [
    {"name": "who", "required": True, "default": ""},
    {
        "name": "team",
        "required": True,
        "default": "Legal",
        "type": "select",
        "label": "Your team",
        "options": ["Sales", "Legal"],
    },
]


def published(served: Served, slug: str, *drafts: dict[str, Any]) -> str:
    """An app with a version for each draft; returns its path."""
    served.post("/v1/apps", {"slug": slug, "name": slug})
    path = f"/v1/apps/{slug}"
    for draft in drafts:
        assert served.http.put(f"{path}/draft", json=draft).status_code == 200
        served.post(f"{path}/publish")
    return path


def fields(answer: Any) -> dict[str, tuple[Any, Any]]:
    return {item["field"]: (item["from"], item["to"]) for item in answer["differences"]}


def test_a_version_says_how_its_datasets_stood_when_it_was_published(served: Served):
    dataset_id = served.new_dataset("stood")
    path = published(served, "stood", {"dataset_ids": [dataset_id]})
    one = served.http.get(f"{path}/versions/1").json()
    dataset = served.http.get(f"/v1/datasets/{dataset_id}").json()

    (state,) = one["datasets"]
    assert (state["id"], state["name"], state["generation"]) == (dataset_id, "stood", 1)
    assert state["embedder"] == dataset["embedder"]
    assert one == served.http.get(f"{path}/versions").json()["data"][0]
    changed = {"split": {"mode": "separator", "separator": "---"}}
    patched = served.http.patch(f"/v1/datasets/{dataset_id}", json={"processing": changed})
    assert patched.status_code == 200, patched.text
    assert served.http.get(f"{path}/versions/1").json() == one
    served.post(f"{path}/publish")
    compared = served.http.get(f"{path}/versions/compare", params={"from": 1, "to": 2}).json()
    assert list(fields(compared)) == [f"datasets.{dataset_id}.processing"]
    assert served.http.get(f"{path}/versions/9").status_code == 404


def test_two_versions_are_compared_field_by_field(served: Served):
    first = {"prompt": "Be brief.\nBe kind.", "inputs": INPUTS[:1], "base": {"max_tokens": 10}}
    second = {"prompt": "Be brief.\nBe fair.", "inputs": INPUTS, "refusal": "No."}
    path = published(served, "compared", first, second)

    answer = served.http.get(f"{path}/versions/compare", params={"from": 1, "to": 2}).json()

    assert (answer["from"], answer["to"]) == (1, 2)
    found = fields(answer)
    assert found["prompt"] == (first["prompt"], second["prompt"])
    assert found["base.max_tokens"] == (10, None)
    assert found["inputs.team.options"] == (None, ["Sales", "Legal"])
    assert not any(name.startswith("inputs.who") for name in found)
    prompt = next(item for item in answer["differences"] if item["field"] == "prompt")
    assert prompt["diff"].splitlines()[1:] == [" Be brief.", "-Be kind.", "+Be fair."]


def test_a_version_is_compared_with_the_draft_before_it_is_published(served: Served):
    path = published(served, "drafted", {"prompt": "old"})
    served.http.put(f"{path}/draft", json={"prompt": "new"})
    answer = served.http.get(f"{path}/versions/compare", params={"from": 1}).json()
    assert (answer["to"], fields(answer)) == ("draft", {"prompt": ("old", "new")})


@pytest.mark.parametrize("query", ["", "?from=x", "?from=0&to=1", "?from=1&to=published"])
def test_a_comparison_names_two_sides(served: Served, query: str):
    answer = served.http.get(f"/v1/apps/nobody/versions/compare{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def test_a_version_is_restored_in_one_call_and_the_draft_stays(served: Served):
    dataset_id = served.new_dataset("restored", {"a.md": "The comet comes in May."})
    drafts = ({"dataset_ids": [dataset_id], "refusal": text} for text in ("one", "two"))
    path = published(served, "restored", *drafts)

    served.http.post(f"{path}/rollback", json={"version": 1})

    answer = whole(served.http, "restored", "When does the comet come?")
    assert answer["app"] == {"slug": "restored", "version": 1}
    stored = f"/v1/conversations/{answer['conversation_id']}/messages"
    assert served.http.get(stored).json()["data"][0]["app"]["version"] == 1
    assert served.http.get(f"{path}/draft").json()["refusal"] == "two"
    assert len(served.http.get(f"{path}/versions").json()["data"]) == 2


def test_a_client_is_told_which_inputs_the_published_version_takes(served: Served):
    path = published(served, "formed", {"inputs": INPUTS})
    client = served.with_new_key(kind="app", app="formed")

    who, team = client.get(path).json()["inputs"]

    assert who == {
        "name": "who",
        "required": True,
        "type": "text",
        "label": "",
        "options": [],
        "max_length": 1000,
    }
    assert (team["label"], team["options"], team["max_length"]) == (
        "Your team",
        ["Sales", "Legal"],
        None,
    )
    assert team["required"] is False, "it has a default"
    assert "default" not in team
    assert client.get("/v1/apps").json()["data"][0]["inputs"] == [who, team]
    served.http.put(f"{path}/draft", json={})
    assert client.get(path).json()["inputs"] == [who, team], "a draft is not published"


@pytest.mark.parametrize(
    "given",
    [
        {"name": "a", "type": "select"},
        {"name": "a", "options": ["x"]},
        {"name": "a", "type": "number", "max_length": 3},
        {"name": "a", "type": "number", "default": "many"},
        {"name": "a", "type": "select", "options": ["x"], "default": "y"},
        {"name": "a", "type": "text", "max_length": 2, "default": "abc"},
        {"name": "a", "type": "date"},
    ],
)
def test_an_input_that_contradicts_itself_is_refused(served: Served, given: dict[str, Any]):
    if served.http.get("/v1/apps/contradicting").status_code == 404:
        served.post("/v1/apps", {"slug": "contradicting", "name": "x"})
    answer = served.http.put("/v1/apps/contradicting/draft", json={"inputs": [given]})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def test_a_value_that_does_not_fit_is_refused_by_name_before_the_stream(served: Served):
    dataset_id = served.new_dataset("typed", {"a.md": "The comet comes in May."})
    published(served, "typed", {"inputs": INPUTS, "dataset_ids": [dataset_id]})
    for sent, named in (({"team": "IT", "who": "x"}, "team"), ({}, "who"), ({"x": 1}, "x")):
        body = {"query": "When does the comet come?", "inputs": sent}
        answer = served.http.post("/v1/apps/typed/chat", json=body)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
        assert named in answer.json()["detail"]
    whole(served.http, "typed", "When does the comet come?", inputs={"who": True, "team": "Sales"})


def test_a_draft_is_tried_before_it_is_published_by_admins_only(served: Served):
    tide = served.new_dataset("tide", {"tide.md": "The tide turns at seven."})
    path = published(served, "tried", {"dataset_ids": []})
    draft = {"dataset_ids": [tide], "inputs": [{"name": "who", "required": True}]}
    assert served.http.put(f"{path}/draft", json=draft).status_code == 200
    question = {"query": "When does the tide turn?", "inputs": {"who": "Ann"}, "stream": False}

    tried = served.http.post(f"{path}/chat", json={**question, "version": "draft"}).json()

    assert "at seven" in tried["answer"]
    assert tried["app"] == {"slug": "tried", "version": 0}
    assert served.http.get(path).json()["version"] == 1
    assert served.post(f"{path}/publish")["version"] == 2
    key = served.post(f"{path}/keys", {"kind": "app"})["key"]
    refused = served.http.post(
        f"{path}/chat",
        json={**question, "version": "draft"},
        headers={"authorization": f"Bearer {key}"},
    )
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
