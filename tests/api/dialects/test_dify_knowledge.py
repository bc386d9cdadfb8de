"""Dify's knowledge API on the wire: a script that fills datasets moves over by base URL and key."""

from __future__ import annotations

import io
import json
import time
import zipfile
from typing import Any

import httpx
import pytest

from tests.api.serving import Served

TIDES = "High tide is at six. Low tide is at noon."
CUSTOM = {
    "mode": "custom",
    "rules": {
        "pre_processing_rules": [{"id": "remove_urls_emails", "enabled": True}],
        "segmentation": {"separator": "###", "max_tokens": 100},
    },
}


@pytest.fixture
def dataset(served: Served, request: pytest.FixtureRequest) -> str:
    made = served.http.post("/dify/v1/datasets", json={"name": f"dify {request.node.name}"})
    assert made.status_code == 200, made.text
    made_id: str = made.json()["id"]
    return made_id


def by_text(served: Served, dataset: str, name: str, text: str = TIDES, **more: Any) -> Any:
    body = {"name": name, "text": text, "indexing_technique": "high_quality", **more}
    return served.http.post(f"/dify/v1/datasets/{dataset}/document/create-by-text", json=body)


def by_file(http: httpx.Client, address: str, file: str, content: bytes, **data: Any) -> Any:
    parts = {"file": (file, content)}
    return http.post(f"/dify/v1/datasets/{address}", files=parts, data={"data": json.dumps(data)})


def completed(served: Served, dataset: str, batch: str) -> list[dict[str, Any]]:
    address = f"/dify/v1/datasets/{dataset}/documents/{batch}/indexing-status"
    for _ in range(600):
        found: list[dict[str, Any]] = served.http.get(address).json()["data"]
        if all(each["indexing_status"] in ("completed", "error") for each in found):
            return found
        time.sleep(0.05)
    raise AssertionError(found)


def made(served: Served, dataset: str, answer: httpx.Response) -> dict[str, Any]:
    """The document of an upload, once it is done."""
    assert answer.status_code == 200, answer.text
    completed(served, dataset, answer.json()["batch"])
    document_id = answer.json()["document"]["id"]
    return get(served, f"{dataset}/documents/{document_id}")


def get(served: Served, address: str, **query: Any) -> Any:
    answer = served.http.get(f"/dify/v1/datasets/{address}".rstrip("/"), params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(answer: httpx.Response, status: int, code: str) -> str:
    said = answer.json()
    assert (answer.status_code, said["code"], said["status"]) == (status, code, status), said
    return str(said["message"])


def test_a_dataset_is_made_found_changed_and_deleted(served: Served, dataset: str):
    name = get(served, dataset)["name"]
    again = served.http.post("/dify/v1/datasets", json={"name": name})
    assert name in refused(again, 409, "dataset_name_duplicate")
    listed = get(served, "", keyword=name.upper(), limit=1)
    assert [each["id"] for each in listed["data"]] == [dataset]
    assert (listed["total"], listed["page"], listed["has_more"]) == (1, 1, False)
    address = f"/dify/v1/datasets/{dataset}"
    changed = served.http.patch(address, json={"description": "Tides"}).json()
    assert (changed["name"], changed["description"]) == (name, "Tides")
    assert served.http.delete(address).status_code == 204
    refused(served.http.get(address), 404, "not_found")


def test_a_text_becomes_a_document_that_is_counted_listed_and_deleted(served: Served, dataset: str):
    document = made(served, dataset, by_text(served, dataset, "Tides of May"))
    assert (document["indexing_status"], document["display_status"]) == ("completed", "available")
    assert document["word_count"] == len(TIDES)
    assert get(served, dataset)["total_available_documents"] == 1
    for query, total in (
        ({"keyword": "tides"}, 1),
        ({"keyword": "ebb"}, 0),
        ({"status": "error"}, 0),
    ):
        assert get(served, f"{dataset}/documents", **query)["total"] == total
    assert get(served, f"{dataset}/documents", status="available", page=2)["data"] == []
    address = f"/dify/v1/datasets/{dataset}/documents/{document['id']}"
    assert served.http.delete(address).status_code == 204
    refused(served.http.get(address), 404, "not_found")


def test_documents_of_one_name_are_all_kept_and_the_same_text_is_one(served: Served, dataset: str):
    first = made(served, dataset, by_text(served, dataset, "note.md", "One."))
    second = made(served, dataset, by_text(served, dataset, "note.md", "Two."))
    again = made(served, dataset, by_text(served, dataset, "note.md", "Two."))
    assert (first["name"], second["name"]) == ("note.md", "note (2).md")
    assert again["id"] == second["id"]
    assert get(served, f"{dataset}/documents")["total"] == 2


def test_a_text_is_a_text_whatever_its_name_and_first_line(served: Served, dataset: str):
    mail = "From: ann\nTo: bob\nSubject: tides\n\nHigh tide is at six."
    document = made(served, dataset, by_text(served, dataset, "report.pdf", mail))
    (page,) = served.http.get(f"/v1/documents/{document['id']}/pages").json()["data"]
    assert page["text"] == mail


@pytest.mark.parametrize("spelling", ["update-by-text", "update_by_text"])
def test_a_document_gets_another_text_and_another_name(served: Served, dataset: str, spelling: str):
    document = made(served, dataset, by_text(served, dataset, "old.md", "Old text."))
    address = f"/dify/v1/datasets/{dataset}/documents/{document['id']}/{spelling}"
    changed = made(
        served, dataset, served.http.post(address, json={"name": "new.md", "text": "New text."})
    )
    assert (changed["id"], changed["name"]) == (document["id"], "new.md")
    named = made(served, dataset, served.http.post(address, json={"name": "newer.md"}))
    assert (named["name"], named["word_count"]) == ("newer.md", len("New text."))


@pytest.mark.parametrize("spelling", ["create-by-file", "create_by_file"])
def test_a_file_becomes_a_document_and_then_its_next_version(
    served: Served, dataset: str, spelling: str
):
    address = f"{dataset}/document/{spelling}"
    document = made(served, dataset, by_file(served.http, address, "a.md", b"# Moon\n\nNine."))
    assert document["data_source_detail_dict"]["upload_file"]["extension"] == "md"
    later = by_file(served.http, address, "b.txt", b"Ten.", original_document_id=document["id"])
    replaced = made(served, dataset, later)
    assert (replaced["id"], replaced["name"]) == (document["id"], "b.txt")
    update = f"{dataset}/documents/{document['id']}/update-by-file"
    again = made(served, dataset, by_file(served.http, update, "c.txt", b"Eleven.", name="d.txt"))
    assert (again["id"], again["name"]) == (document["id"], "d.txt")
    file = get(served, f"{dataset}/documents/{document['id']}/upload-file")
    assert served.http.get(file["url"]).text == "Eleven."
    assert (file["name"], file["size"]) == ("d.txt", 7)


def test_an_archive_becomes_the_documents_in_it(served: Served, dataset: str):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.md", "Anna.")
        archive.writestr("b.md", "Bert.")
    address = f"{dataset}/document/create-by-file"
    answer = by_file(served.http, address, "all.zip", packed.getvalue())
    states = completed(served, dataset, answer.json()["batch"])
    assert [each["indexing_status"] for each in states] == ["completed", "completed"]
    listed = get(served, f"{dataset}/documents")["data"]
    assert [each["name"] for each in listed] == ["a.md", "b.md"]


def test_what_is_no_file_is_refused_and_nothing_is_left(served: Served, dataset: str):
    address = f"{dataset}/document/create-by-file"
    program = by_file(served.http, address, "a.txt", b"\x7fELF\x02\x01\x01\x00")
    assert "not supported" in refused(program, 415, "unsupported_file_type")
    none = served.http.post(f"/dify/v1/datasets/{address}", files={"data": (None, "{}")})
    assert "exactly one file" in refused(none, 400, "invalid_param")
    options = by_file(served.http, address, "a.txt", b"A.", process_rule={"mode": "magic"})
    assert "data.process_rule.mode" in refused(options, 400, "invalid_param")
    assert get(served, f"{dataset}/documents")["total"] == 0


def test_the_first_process_rule_settles_how_the_dataset_cuts(served: Served, dataset: str):
    text = "High tide###at six, see https://tides.example/ today###Low tide"
    document = made(served, dataset, by_text(served, dataset, "a", text, process_rule=CUSTOM))
    chunks = served.http.get(f"/v1/documents/{document['id']}/chunks").json()["data"]
    assert [each["text"].strip("# ") for each in chunks] == [
        "High tide",
        "at six, see https://tides.example/ today",
        "Low tide",
    ]
    assert "tides.example" not in chunks[1]["index_text"]
    made(served, dataset, by_text(served, dataset, "b", process_rule=CUSTOM))
    made(served, dataset, by_text(served, dataset, "c", process_rule={"mode": "automatic"}))
    other = json.loads(json.dumps(CUSTOM).replace("###", "***"))
    answer = by_text(served, dataset, "d", process_rule=other)
    assert "kb reindex" in refused(answer, 400, "invalid_param")


def test_a_hierarchical_rule_searches_pieces_and_returns_paragraphs(served: Served, dataset: str):
    rules = {
        "pre_processing_rules": [],
        "segmentation": {"separator": "\\n\\n", "max_tokens": 200},
        "parent_mode": "paragraph",
        "subchunk_segmentation": {"separator": "\\n", "max_tokens": 50},
    }
    rule = {"mode": "hierarchical", "rules": rules}
    form = {"doc_form": "hierarchical_model", "process_rule": rule}
    document = made(served, dataset, by_text(served, dataset, "a", **form))
    assert document["doc_form"] == get(served, dataset)["doc_form"] == "hierarchical_model"
    split = served.http.get(f"/v1/datasets/{dataset}").json()["processing"]["split"]
    assert (split["mode"], split["parent"], split["max_tokens"]) == (
        "parent_child",
        "paragraph",
        50,
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"doc_form": "qa_model"}, "doc_form"),
        (
            {"process_rule": {"mode": "hierarchical", "rules": {"parent_mode": "full-doc"}}},
            "full-doc",
        ),
        (
            {
                "process_rule": {
                    "mode": "hierarchical",
                    "rules": {"segmentation": {"separator": "##"}},
                }
            },
            "separator",
        ),
        (
            {
                "process_rule": {
                    "mode": "custom",
                    "rules": {
                        "pre_processing_rules": [{"id": "remove_stopwords", "enabled": True}]
                    },
                }
            },
            "remove_stopwords",
        ),
    ],
)
def test_a_rule_that_cannot_be_kept_is_refused_by_name(
    served: Served, dataset: str, change: dict[str, Any], reason: str
):
    assert reason in refused(by_text(served, dataset, "a", **change), 400, "invalid_param")


def test_a_key_of_a_dataset_fills_it_but_does_not_say_how_it_cuts(served: Served, dataset: str):
    own = served.with_new_key(name="filler", kind="dataset", dataset_ids=[dataset])
    address = f"/dify/v1/datasets/{dataset}/document/create-by-text"
    assert own.post(address, json={"name": "a", "text": TIDES}).status_code == 200
    body = {"name": "b", "text": TIDES, "process_rule": CUSTOM}
    assert "admin key" in refused(own.post(address, json=body), 403, "forbidden")
    refused(own.post("/dify/v1/datasets", json={"name": "c"}), 403, "forbidden")
    assert [each["id"] for each in own.get("/dify/v1/datasets").json()["data"]] == [dataset]


def test_a_document_is_switched_off_and_on(served: Served, dataset: str, sky: str):
    document = made(served, dataset, by_text(served, dataset, "a"))
    within = f"/dify/v1/datasets/{dataset}"
    body = {"document_ids": [document["id"]]}
    for action, is_on in (("disable", False), ("un_archive", True), ("archive", False)):
        answer = served.http.patch(f"{within}/documents/status/{action}", json=body)
        assert answer.json() == {"result": "success"}
        shown = served.http.get(f"{within}/documents/{document['id']}").json()
        assert shown["enabled"] is is_on
        hits = served.http.post(f"{within}/retrieve", json={"query": "tide"}).json()["records"]
        assert bool(hits) is is_on
    elsewhere = f"/dify/v1/datasets/{sky}/documents/status/enable"
    refused(served.http.patch(elsewhere, json=body), 404, "not_found")


def test_a_document_is_found_in_its_own_dataset_only(served: Served, dataset: str, sky: str):
    document = made(served, dataset, by_text(served, dataset, "a"))
    elsewhere = f"/dify/v1/datasets/{sky}/documents/{document['id']}"
    refused(served.http.get(elsewhere), 404, "not_found")
    refused(served.http.delete(elsewhere), 404, "not_found")
    batch = f"/dify/v1/datasets/{sky}/documents/{document['id']}/indexing-status"
    refused(served.http.get(batch), 404, "not_found")


def test_a_file_that_cannot_be_read_is_an_error_with_its_reason(served: Served, dataset: str):
    answer = by_file(served.http, f"{dataset}/document/create-by-file", "a.pdf", b"%PDF-1.7 broken")
    (state,) = completed(served, dataset, answer.json()["batch"])
    assert state["indexing_status"] == "error"
    assert state["error"]
    assert get(served, f"{dataset}/documents", status="error")["total"] == 1
