"""Documents and pieces are switched, dated and labelled without an upload, and searches obey."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from kb.store.engine import schema
from tests.api.serving import Served
from tests.api.worlds import visitor
from tests.server import wait_for_batch

FILES = {"moon.md": "The moon rises at nine.", "tide.md": "The moon pulls the tide at ten."}
MODES = ("hybrid", "vector", "keyword")


def found(http: httpx.Client, dataset: str, query: str = "moon", **body: Any) -> set[str]:
    answer = http.post(f"/v1/datasets/{dataset}/search", json={"query": query, **body})
    assert answer.status_code == 200, answer.text
    return {hit["document_name"] for hit in answer.json()["hits"]}


def change(http: httpx.Client, document_id: str, **body: Any) -> dict[str, Any]:
    answer = http.patch(f"/v1/documents/{document_id}", json=body)
    assert answer.status_code == 200, answer.text
    changed: dict[str, Any] = answer.json()
    return changed


@pytest.fixture
def moon(served: Served, request: pytest.FixtureRequest) -> tuple[str, dict[str, str]]:
    dataset = served.post("/v1/datasets", {"name": request.node.name})["id"]
    return dataset, served.upload(dataset, FILES)


def test_metadata_changes_without_an_upload_and_filters_see_it(served: Served, moon: Any):
    dataset, ids = moon
    year = {"metadata.year": {"gte": 2026}}
    assert found(served.http, dataset, filter=year) == set()

    changed = change(served.http, ids["moon.md"], metadata={"year": 2026})

    assert (changed["metadata"], changed["version"]) == ({"year": 2026}, 1)
    for mode in MODES:
        assert found(served.http, dataset, filter=year, mode=mode) == {"moon.md"}
    assert change(served.http, ids["moon.md"], metadata=None)["metadata"] == {}
    nested = {"metadata": {"year": [2026]}}
    assert served.http.patch(f"/v1/documents/{ids['moon.md']}", json=nested).status_code == 400


def test_a_document_is_switched_off_and_on_and_nothing_is_made_anew(served: Served, moon: Any):
    dataset, ids = moon
    served.new_app("switched", dataset_ids=[dataset])
    vectors = select(func.count(), func.max(schema.embeddings.c.id))
    with served.kb.database.read() as tx:
        before = tx.execute(vectors).one()

    assert change(served.http, ids["tide.md"], enabled=False)["enabled"] is False
    asked = {"query": "What pulls the tide?", "stream": False}
    answer = served.post("/v1/apps/switched/chat", asked, status=200)
    for mode in MODES:
        assert found(served.http, dataset, mode=mode) == {"moon.md"}
    assert {source["document_name"] for source in answer["sources"]} == {"moon.md"}
    assert served.post("/v1/fsck", status=200)["clean"]
    listed = served.http.get(f"/v1/datasets/{dataset}/documents").json()["data"]
    assert {each["name"]: each["enabled"] for each in listed} == {"moon.md": True, "tide.md": False}
    assert all(each["receipt"]["balance"]["lost"] == 0 for each in listed)

    change(served.http, ids["tide.md"], enabled=True)
    assert found(served.http, dataset) == {"moon.md", "tide.md"}
    with served.kb.database.read() as tx:
        assert tx.execute(vectors).one() == before


def test_a_document_answers_on_the_days_on_which_it_is_valid(served: Served, moon: Any):
    dataset, ids = moon
    change(served.http, ids["moon.md"], valid_from="2026-03-04", valid_until="2026-03-05")
    both = {"moon.md", "tide.md"}

    for day, names in (("03", both - {"moon.md"}), ("04", both), ("05", both), ("06", {"tide.md"})):
        assert found(served.http, dataset, on=f"2026-03-{day}") == names, day
    assert change(served.http, ids["moon.md"], valid_until=None)["valid_until"] is None
    assert found(served.http, dataset, on="2030-01-01") == both

    wrong = served.http.patch(f"/v1/documents/{ids['moon.md']}", json={"valid_until": "2026-03-03"})
    assert wrong.status_code == 400
    assert "2026-03-04" in wrong.json()["detail"]
    app = served.new_app("dated", dataset_ids=[dataset])
    widget = {"kind": "widget", "app": app, "origins": ["https://shop.example"]}
    asked = {"query": "moon", "on": "2026-03-04", "stream": False}
    refused = visitor(served, served.post("/v1/keys", widget), None)
    assert refused.post(f"/v1/apps/{app}/chat", json=asked).status_code == 403
    asked["query"] = "When does the moon rise?"
    names = [s["document_name"] for s in served.post("/v1/apps/dated/chat", asked, 200)["sources"]]
    assert "moon.md" in names


def test_a_piece_is_switched_off_and_on(served: Served):
    told = "# Rise\n\nThe moon rises at nine.\n\n# Set\n\nThe moon sets at five.\n"
    dataset = served.new_dataset("pieces", {"moon.md": told})
    (document,) = served.http.get(f"/v1/datasets/{dataset}/documents").json()["data"]
    pieces = f"/v1/documents/{document['id']}/chunks"
    rise, sets = served.http.get(pieces).json()["data"]

    off = served.http.patch(f"/v1/chunks/{rise['id']}", json={"enabled": False})
    assert (off.status_code, off.json()["enabled"]) == (200, False)
    assert _texts(served.http, dataset) == [sets["text"]]
    assert [each["enabled"] for each in served.http.get(pieces).json()["data"]] == [False, True]
    assert served.post("/v1/fsck", status=200)["clean"]
    served.http.patch(f"/v1/chunks/{rise['id']}", json={"enabled": True})
    assert "nine" in str(_texts(served.http, dataset))
    assert served.http.patch("/v1/chunks/none", json={"enabled": True}).status_code == 404


def test_pieces_that_return_one_passage_are_switched_together(served: Served):
    processing = {"split": {"mode": "parent_child", "max_tokens": 16}}
    made = served.post("/v1/datasets", {"name": "families", "processing": processing})["id"]
    told = "# Moon\n\n" + "The moon rises at nine over the northern hills. " * 6
    document = served.upload(made, {"moon.md": told})["moon.md"]
    first, *others = served.http.get(f"/v1/documents/{document}/chunks").json()["data"]
    assert any(each["parent"] == first["parent"] for each in others)

    served.http.patch(f"/v1/chunks/{first['id']}", json={"enabled": False})
    after = served.http.get(f"/v1/documents/{document}/chunks").json()["data"]
    assert {each["enabled"] for each in after if each["parent"] == first["parent"]} == {False}


def test_labels_open_documents_to_keys_and_end_users_that_carry_them(served: Served, moon: Any):
    dataset, ids = moon
    change(served.http, ids["tide.md"], labels=["sea", "board"])
    opened = {"kind": "dataset", "dataset_ids": [dataset]}
    sailor = served.with_new_key(**opened, labels=["sea", "sky"])
    stranger = served.with_new_key(**opened, labels=["sky"])

    assert found(served.http, dataset) == found(sailor, dataset) == {"moon.md", "tide.md"}
    assert found(stranger, dataset) == {"moon.md"}
    assert stranger.get(f"/v1/datasets/{dataset}").json()["documents"] == {"ready": 1}
    for http in (sailor, served.http):
        http.headers["x-end-user-labels"] = "sky"
        assert found(http, dataset) == {"moon.md"}
        del http.headers["x-end-user-labels"]
    sailor.headers["x-end-user-labels"] = "board, sea"
    assert found(sailor, dataset) == {"moon.md", "tide.md"}
    sailor.headers["x-end-user-labels"] = "board"  # its key has no such label
    assert found(sailor, dataset) == {"moon.md"}

    hidden = stranger.patch(f"/v1/documents/{ids['tide.md']}", json={"labels": []})
    assert hidden.status_code == 404
    lost = stranger.patch(f"/v1/documents/{ids['moon.md']}", json={"labels": ["board"]})
    assert (lost.status_code, "none of these" in lost.json()["detail"]) == (400, True)
    admin = served.http.post("/v1/keys", json={"kind": "admin", "labels": ["sea"]})
    assert admin.status_code == 400
    taken = stranger.post(
        f"/v1/datasets/{dataset}/documents", files={"files": ("tide.md", b"Another tide.")}
    )
    assert taken.status_code == 400
    assert served.http.get(f"/v1/documents/{ids['tide.md']}").json()["version"] == 1


def test_uploads_bring_labels_and_replacements_keep_all_switches(served: Served):
    dataset = served.new_dataset("brought")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("tide.md", "The tide turns at ten.")
    given = {"moon.md": b"The moon rises at nine.", "all.zip": packed.getvalue()}
    files = [("files", item) for item in given.items()]
    path = f"/v1/datasets/{dataset}/documents"
    brought = served.http.post(path, params={"labels": "sky,sea"}, files=files).json()
    wait_for_batch(served.http, brought["batch_id"])
    documents = {each["name"]: each for each in served.http.get(path).json()["data"]}
    assert {name: each["labels"] for name, each in documents.items()} == {
        "moon.md": ["sky", "sea"],
        "tide.md": ["sky", "sea"],
    }
    change(served.http, documents["moon.md"]["id"], enabled=False, valid_until="2030-01-01")
    served.upload(dataset, {"moon.md": "The moon rises at eight."})
    after = served.http.get(f"/v1/documents/{documents['moon.md']['id']}").json()
    kept = ("version", "labels", "enabled", "valid_until")
    assert [after[name] for name in kept] == [2, ["sky", "sea"], False, "2030-01-01"]
    wrong = served.http.post(path, params={"labels": "no blanks"}, files=files)
    assert wrong.status_code == 400


def test_what_is_hidden_takes_no_place_of_what_is_not(served: Served):
    """Most of a dataset fits better and is hidden: what may be seen is found all the same."""
    files = {f"{n:03}.md": f"The moon and the tide, {n}." for n in range(300)}
    dataset = served.new_dataset("crowded", {"seen.md": "Of the moon a word, among others."})
    parts = [("files", (name, text.encode())) for name, text in files.items()]
    path = f"/v1/datasets/{dataset}/documents"
    brought = served.http.post(path, params={"labels": "sea"}, files=parts).json()
    wait_for_batch(served.http, brought["batch_id"])
    stranger = served.with_new_key(kind="dataset", dataset_ids=[dataset])

    for mode in MODES:
        assert found(stranger, dataset, "moon and tide", mode=mode) == {"seen.md"}, mode


def test_an_answer_is_read_with_the_labels_that_its_reader_has_now(served: Served, moon: Any):
    dataset, ids = moon
    change(served.http, ids["tide.md"], labels=["sea"])
    served.new_app("remembered", dataset_ids=[dataset])
    key = served.post("/v1/apps/remembered/keys", {"labels": ["sea"]})
    sailor = served.client(key["key"])
    asked = {"query": "What pulls the tide?", "stream": False}
    answer = sailor.post("/v1/apps/remembered/chat", json=asked).json()
    assert "pulls the tide" in answer["answer"]
    n = next(s["n"] for s in answer["sources"] if s["document_name"] == "tide.md")
    source = f"/v1/messages/{answer['message_id']}/sources/{n}"
    assert sailor.get(source).status_code == 200

    served.http.patch(f"/v1/keys/{key['id']}", json={"labels": []})

    assert sailor.get(source).status_code == 404
    told = sailor.get(f"/v1/conversations/{answer['conversation_id']}/messages").text
    run = sailor.get(f"/v1/runs/{answer['run_id']}").text
    later = {"query": "And when?", "conversation_id": answer["conversation_id"], "stream": False}
    after = sailor.post("/v1/apps/remembered/chat", json=later).text
    for text in (told, run, after):
        assert "at ten" not in text
        assert "tide.md" not in text
    assert sailor.get(f"/v1/runs/{answer['run_id']}/events").status_code == 404
    assert served.http.get(source).status_code == 200


def _texts(http: httpx.Client, dataset: str, **body: Any) -> list[str]:
    asked = {"query": "When does the moon rise or set?", **body}
    hits = http.post(f"/v1/datasets/{dataset}/search", json=asked).json()["hits"]
    return [hit["text"] for hit in hits]
