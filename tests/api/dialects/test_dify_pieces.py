"""Pieces, metadata and searches of Dify's knowledge API on the wire."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.serving import Served

FERRY = "The ferry leaves at noon. The harbour closes at ten."


@pytest.fixture(scope="module")
def harbour(served: Served) -> dict[str, str]:
    """A dataset of two documents: name → id, and the dataset's under `dataset`."""
    dataset = served.new_dataset("harbour")
    found = served.upload(dataset, {"ferry.md": FERRY, "bus.md": "The bus leaves at one."})
    return {"dataset": dataset, **found}


@pytest.fixture
def document(harbour: dict[str, str]) -> str:
    return f"{harbour['dataset']}/documents/{harbour['ferry.md']}"


def send(http: httpx.Client, method: str, address: str, body: Any = None) -> httpx.Response:
    return http.request(method, f"/dify/v1/datasets/{address}", json=body)


def got(served: Served, address: str, **query: Any) -> Any:
    answer = served.http.get(f"/dify/v1/datasets/{address}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def reason(answer: httpx.Response) -> str:
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_param"), answer.text
    return str(answer.json()["message"])


def searched(served: Served, dataset: str, query: str = "When does it leave?", **model: Any) -> Any:
    body = {"query": query, "retrieval_model": {"search_method": "hybrid_search", **model}}
    answer = send(served.http, "POST", f"{dataset}/retrieve", body)
    assert answer.status_code == 200, answer.text
    return answer.json()["records"]


def found_names(records: Any) -> list[str]:
    return sorted(each["segment"]["document"]["name"] for each in records)


def where(*conditions: tuple[str, str, Any], joined: str = "and") -> dict[str, Any]:
    keys = ("name", "comparison_operator", "value")
    listed = [dict(zip(keys, each, strict=True)) for each in conditions]
    return {"metadata_filtering_conditions": {"logical_operator": joined, "conditions": listed}}


def test_pieces_are_listed_found_and_searched_in_their_text(served: Served, document: str):
    listed = got(served, f"{document}/segments")
    (piece,) = listed["data"]
    assert (piece["content"], piece["position"], listed["total"]) == (FERRY, 1, 1)
    assert got(served, f"{document}/segments/{piece['id']}")["data"] == piece
    assert got(served, f"{document}/segments", keyword="FERRY")["total"] == 1
    assert got(served, f"{document}/segments", keyword="train")["total"] == 0
    assert got(served, f"{document}/segments/{piece['id']}/child_chunks")["data"] == []


def test_a_piece_is_found_in_its_own_document_only(
    served: Served, harbour: dict[str, str], document: str
):
    piece = got(served, f"{document}/segments")["data"][0]["id"]
    other = f"{harbour['dataset']}/documents/{harbour['bus.md']}/segments/{piece}"
    assert send(served.http, "GET", other).status_code == 404


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("POST", ""),
        ("POST", "/seg"),
        ("DELETE", "/seg"),
        ("POST", "/seg/child_chunks"),
        ("PATCH", "/seg/child_chunks/child"),
        ("DELETE", "/seg/child_chunks/child"),
    ],
)
def test_pieces_are_not_edited_and_the_refusal_says_what_to_do(
    served: Served, document: str, method: str, address: str
):
    answer = send(served.http, method, f"{document}/segments{address}", {"segments": []})
    assert "update-by-text" in reason(answer)


def test_a_search_finds_pieces_with_their_documents(served: Served, harbour: dict[str, str]):
    first = searched(served, harbour["dataset"], "When does the ferry leave?")[0]
    assert "ferry leaves at noon" in first["segment"]["content"]
    assert first["segment"]["document"]["id"] == harbour["ferry.md"]
    assert 0 < first["score"] <= 1


@pytest.mark.parametrize("method", ["semantic_search", "full_text_search", "keyword_search"])
def test_a_search_is_made_as_asked(served: Served, harbour: dict[str, str], method: str):
    asked = {"search_method": method, "reranking_enable": False, "top_k": 1}
    (only,) = searched(served, harbour["dataset"], "ferry", **asked)
    assert only["segment"]["document"]["name"] == "ferry.md"
    strict = {"score_threshold_enabled": True, "score_threshold": 1.0}
    assert searched(served, harbour["dataset"], "ferry", **asked, **strict) == []
    off = {"score_threshold_enabled": False, "score_threshold": 1.0}
    assert len(searched(served, harbour["dataset"], "ferry", **asked, **off)) == 1


def test_metadata_is_given_listed_compared_renamed_and_taken_out(
    served: Served, harbour: dict[str, str]
):
    dataset = harbour["dataset"]
    made = send(served.http, "POST", f"{dataset}/metadata", {"type": "number", "name": "year"})
    assert made.status_code == 201
    year = made.json()["id"]
    for name, value in (("ferry.md", "2019"), ("bus.md", "2024")):
        values = [{"id": year, "name": "year", "value": value}]
        values.append({"id": "string.kind", "name": "kind", "value": name.partition(".")[0]})
        given = [{"document_id": harbour[name], "metadata_list": values}]
        answer = send(
            served.http, "POST", f"{dataset}/documents/metadata", {"operation_data": given}
        )
        assert answer.json() == {"result": "success"}
    fields = got(served, f"{dataset}/metadata")["doc_metadata"]
    assert [(each["name"], each["type"], each["count"]) for each in fields] == [
        ("kind", "string", 2),
        ("year", "number", 2),
    ]
    late = where(("year", "≥", 2020))
    assert found_names(searched(served, dataset, **late)) == ["bus.md"]
    either = where(("year", "=", 2024), ("kind", "is", "ferry"), joined="or")
    assert found_names(searched(served, dataset, **either)) == ["bus.md", "ferry.md"]

    renamed = send(served.http, "PATCH", f"{dataset}/metadata/{year}", {"name": "since"}).json()
    assert found_names(searched(served, dataset, **where(("since", ">", "2020")))) == ["bus.md"]
    taken = send(served.http, "PATCH", f"{dataset}/metadata/{renamed['id']}", {"name": "kind"})
    assert "already" in reason(taken)
    assert send(served.http, "DELETE", f"{dataset}/metadata/{renamed['id']}").status_code == 204
    shown = got(served, f"{dataset}/documents/{harbour['bus.md']}", metadata="only")
    assert [(each["name"], each["value"]) for each in shown["doc_metadata"]] == [("kind", "bus")]


def test_a_partial_change_of_metadata_leaves_the_rest(served: Served, harbour: dict[str, str]):
    address = f"{harbour['dataset']}/documents/metadata"

    def change(partial: bool, **values: Any) -> None:
        listed = [{"id": f"string.{name}", "value": value} for name, value in values.items()]
        one = {"document_id": harbour["ferry.md"], "metadata_list": listed}
        body = {"operation_data": [one | {"partial_update": partial}]}
        assert send(served.http, "POST", address, body).status_code == 200

    change(False, a="one", b="two")
    change(True, b="three", c="four", a=None)
    found = served.http.get(f"/v1/documents/{harbour['ferry.md']}").json()["metadata"]
    assert found == {"b": "three", "c": "four"}


def test_metadata_that_cannot_be_kept_changes_nothing(served: Served, harbour: dict[str, str]):
    before = served.http.get(f"/v1/documents/{harbour['bus.md']}").json()["metadata"]
    values = [("string.kind", "x"), ("number.year", "late")]
    both = [
        {"document_id": harbour["bus.md"], "metadata_list": [{"id": name, "value": value}]}
        for name, value in values
    ]
    body = {"operation_data": both}
    answer = send(served.http, "POST", f"{harbour['dataset']}/documents/metadata", body)
    assert "`year` is a number" in reason(answer)
    assert served.http.get(f"/v1/documents/{harbour['bus.md']}").json()["metadata"] == before


def test_names_of_documents_can_always_be_compared(served: Served, harbour: dict[str, str]):
    named = where(("document_name", "is", "bus.md"))
    assert found_names(searched(served, harbour["dataset"], **named)) == ["bus.md"]


def test_there_are_no_tags_and_one_embedding_model(served: Served, harbour: dict[str, str]):
    assert got(served, "tags") == []
    assert got(served, f"{harbour['dataset']}/tags")["data"] == []
    assert "no tags" in reason(send(served.http, "POST", "tags", {"name": "sea"}))
    models = "/dify/v1/workspaces/current/models/model-types"
    (provider,) = served.http.get(f"{models}/text-embedding").json()["data"]
    assert provider["models"][0]["model"] == got(served, harbour["dataset"])["embedding_model"]
    assert served.http.get(f"{models}/rerank").json() == {"data": []}
