"""The tool `file_search` of OpenAI's Responses: which keys may have what searched."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from api.dialects.openai.retrieval.requests import FileSearchTool, SearchBody
from kb.types import Retrieval
from tests.api.serving import Served

QUESTION = "When does the moon rise over Ostrava?"
pytestmark = pytest.mark.usefixtures("talking_apps")


def asked(http: httpx.Client, store: str, model: str = "plain", **tool: Any) -> httpx.Response:
    tools = [{"type": "web_search"}, {"type": "file_search", "vector_store_ids": [store], **tool}]
    return http.post(
        "/openai/v1/responses", json={"model": model, "input": QUESTION, "tools": tools}
    )


def test_a_key_of_an_app_has_its_datasets_searched_and_no_others(served: Served, sky: str):
    other = served.new_dataset("other", {"b.md": "Another moon rises over Ostrava at one."})
    app = served.http.get("/v1/apps/plain").json()["id"]
    reader = served.with_new_key(kind="app", app=app)

    answer = asked(reader, sky, filters={"type": "eq", "key": "nothing", "value": 1}).json()
    call, message = answer["output"]
    assert (call["type"], call["status"], call["queries"]) == (
        "file_search_call",
        "completed",
        [QUESTION],
    )
    assert message["content"][0]["annotations"] == []
    assert asked(reader, sky).json()["output"][1]["content"][0]["annotations"]

    refused, absent = asked(reader, other), asked(reader, "ds_unknown")
    assert refused.status_code == absent.status_code == 404
    assert refused.text.replace(other, "ds_unknown") == absent.text
    assert "Another moon" in asked(served.http, other).text


def test_scores_and_numbers_of_results_are_kept_to(served: Served, sky: str):
    nothing = asked(served.http, sky, ranking_options={"score_threshold": 1.0}).json()
    assert nothing["output"][1]["content"][0]["annotations"] == []
    with_results = {"include": ["file_search_call.results"], "max_num_results": 1}
    tool = {"type": "file_search", "vector_store_ids": [sky], "max_num_results": 1}
    body = {"model": "plain", "input": QUESTION, "tools": [tool], **with_results}
    answer = served.http.post("/openai/v1/responses", json=body).json()
    assert len(answer["output"][0]["results"]) == 1


def test_attributes_are_for_keys_that_may_read_documents(served: Served, sky: str):
    document = served.http.get(f"/v1/datasets/{sky}/documents").json()["data"][0]["id"]
    path = f"/openai/v1/vector_stores/{sky}/files/{document}"
    noted = {"attributes": {"year": 2024, "public": True}}
    served.http.post(path, json=noted).raise_for_status()
    app = served.http.get("/v1/apps/plain").json()["id"]
    reader = served.with_new_key(kind="app", app=app)

    def attributes(http: httpx.Client) -> list[object]:
        results = {"include": ["file_search_call.results"]}
        tool = {"type": "file_search", "vector_store_ids": [sky]}
        body = {"model": "plain", "input": QUESTION, "tools": [tool], **results}
        answer = http.post("/openai/v1/responses", json=body).json()
        return [each["attributes"] for each in answer["output"][0]["results"]]

    assert noted["attributes"] in attributes(served.http)
    assert set(map(str, attributes(reader))) == {"{}"}


def test_no_ranker_means_no_reranking_model():
    def profile(**options: Any) -> Retrieval:
        tool = {"type": "file_search", "vector_store_ids": ["ds_1"], "ranking_options": options}
        return FileSearchTool.model_validate(tool).searched_in().narrowed(Retrieval())

    assert profile(ranker="auto") == profile() == Retrieval()
    assert profile(ranker="none") == Retrieval(rerank=False)
    searched = SearchBody.model_validate({"query": "moon", "ranking_options": {"ranker": "none"}})
    assert not searched.reranks


@pytest.mark.parametrize("tool", [{"max_num_results": 0}, {"filters": {"type": "like"}}])
def test_what_the_tool_cannot_mean_is_refused(served: Served, sky: str, tool: dict[str, Any]):
    answer = asked(served.http, sky, **tool)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")


def test_a_second_search_is_refused_and_not_left_out(served: Served, sky: str):
    tools = [{"type": "file_search", "vector_store_ids": [each]} for each in (sky, "ds_unknown")]
    body = {"model": "plain", "input": QUESTION, "tools": tools}
    answer = served.http.post("/openai/v1/responses", json=body)
    assert answer.status_code == 400
    assert "in one `file_search`" in answer.json()["error"]["message"]


def test_a_model_without_an_app_searches_nothing(served: Served, sky: str):
    body = {"name": "bare", "model": "echo", "base_url": "http://127.0.0.1:9"}
    served.post("/v1/models", body)
    answer = asked(served.http, sky, model="bare")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")
