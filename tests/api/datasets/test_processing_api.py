"""How a dataset cleans and splits, over HTTP: setting it, and trying it before an upload."""

from __future__ import annotations

import json

import pytest

from tests.api.serving import Served

SOURCE = "# Refunds\n\nSee https://e.com/a。第三章规定退款期限为七天。\n\n\n\nAsk   us.\n"


def _preview(http, path, content, processing=None, name="a.md", **query):
    files = {"file": (name, content.encode() if isinstance(content, str) else content)}
    fields = {} if processing is None else {"processing": json.dumps(processing)}
    return http.post(path, files=files, data=fields, params=query)


def test_a_preview_shows_what_goes_and_what_stays_and_stores_nothing(served: Served):
    dataset_id = served.new_dataset("previewed")
    path = f"/v1/datasets/{dataset_id}/preview"

    shown = _preview(served.http, path, SOURCE, {"clean": {"urls": True}}).json()

    assert shown["error"] is None
    assert [(item["rule"], item["text"]) for item in shown["removed"]] == [
        ("urls", " https://e.com/a"),
        ("extra_spaces", "\n\n"),
        ("extra_spaces", "  "),
    ]
    for item in shown["removed"]:
        assert SOURCE[item["start"] : item["end"]] == item["text"]
    (chunk,) = shown["chunks"]
    assert SOURCE[chunk["start"] : chunk["end"]] == chunk["text"]
    assert "第三章规定退款期限为七天。" in chunk["index_text"]
    assert "e.com" not in chunk["index_text"]
    assert (chunk["heading"], chunk["index"], chunk["page"]) == ("Refunds", 0, 1)
    assert chunk["tokens"] > 5
    assert shown["receipt"]["balance"]["characters"] == len(SOURCE)
    assert (shown["removed_count"], shown["chunk_count"]) == (len(shown["removed"]), 1)
    assert served.http.get(f"/v1/datasets/{dataset_id}").json()["documents"] == {}
    assert served.kb.fsck.run().violations == ()


def test_a_preview_without_processing_takes_that_of_the_dataset(served: Served):
    split = {"mode": "separator", "separator": "。", "merge": False}
    made = served.post("/v1/datasets", {"name": "by stops", "processing": {"split": split}})

    shown = _preview(served.http, f"/v1/datasets/{made['id']}/preview", "一。二。三。").json()
    alone = _preview(served.http, "/v1/preview", "一。二。三。").json()

    assert [chunk["text"] for chunk in shown["chunks"]] == ["一", "二", "三"]
    assert [item["rule"] for item in shown["removed"]] == ["separator"] * 3
    assert alone["chunk_count"] == 1


def test_a_preview_shows_what_it_would_refuse(served: Served):
    source = "https://example.com/a/b/c\n" * 9

    shown = _preview(served.http, "/v1/preview", source, {"clean": {"urls": True}}).json()

    assert shown["error"]["code"] == "cleaned_too_much"
    assert shown["removed_count"] == 9


def test_a_long_preview_can_be_limited_and_counts_all(served: Served):
    text = "\n\n".join(f"# Title {n}\n\nSome   text {n}." for n in range(20))

    shown = _preview(served.http, "/v1/preview", text, limit=3).json()

    assert (len(shown["chunks"]), shown["chunk_count"]) == (3, 20)
    assert (len(shown["removed"]), shown["removed_count"]) == (3, 20)


@pytest.mark.parametrize(
    ("content", "name", "status", "code"),
    [
        (b"\x1f\x8b\x08\x00" * 50, "a.bin", 415, "unsupported_media_type"),
        (b"%PDF-1.4 broken", "a.pdf", 422, "damaged_file"),
        ("part,price\nseal,3\n", "a.csv", 422, "no_questions"),
    ],
)
def test_a_file_that_cannot_be_processed_says_why(served, content, name, status, code):
    processing = {"split": {"mode": "qa"}}

    answer = _preview(served.http, "/v1/preview", content, processing, name)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_preview_takes_exactly_one_file(served: Served):
    two = [("file", ("a.md", b"a")), ("file", ("b.md", b"b"))]

    answers = [
        served.http.post("/v1/preview", files=two),
        served.http.post("/v1/preview", files={"processing": (None, "{}")}),
    ]

    assert [(a.status_code, a.json()["code"]) for a in answers] == [(400, "invalid_request")] * 2


def test_a_preview_needs_a_key_that_may_upload(served: Served):
    dataset_id = served.new_dataset("guarded")
    other = served.new_dataset("guarded otherwise")
    own = served.with_new_key(kind="dataset", dataset_ids=[dataset_id])

    assert _preview(own, f"/v1/datasets/{dataset_id}/preview", "text").status_code == 200
    assert _preview(own, f"/v1/datasets/{other}/preview", "text").status_code == 404
    assert _preview(served.client(None), "/v1/preview", "text").status_code == 401


@pytest.mark.parametrize(
    ("processing", "says"),
    [
        ({"clean": {"remove_stopwords": True}}, "remove_stopwords"),
        ({"clean": {"lowercase": True}}, "Known are: control_characters"),
        ({"split": {"mode": "magic"}}, "mode"),
        ({"split": {"separator": "。"}}, "separator has no effect in mode auto"),
        ({"split": {"mode": "qa", "rows": True}}, "rows has no effect in mode qa"),
        ({"split": {"mode": "separator", "separator": ""}}, "separator"),
        ({"split": {"mode": "separator", "separator": "(", "regex": True}}, "not valid"),
        ({"custom_regex": ["a", "(b"]}, "'(b' is not valid"),
        ({"custom_regex": [""]}, "custom_regex"),
        ({"clean_max_share": 1.5}, "clean_max_share"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_processing_that_makes_no_sense_is_refused_by_name(served: Served, processing, says):
    answers = [
        served.http.post("/v1/datasets", json={"name": "never made", "processing": processing}),
        _preview(served.http, "/v1/preview", "text", processing),
    ]

    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
        assert says in answer.json()["detail"]


def test_names_of_dify_become_ours_and_what_is_shown_can_be_sent_back(served: Served):
    clean = {"remove_urls_emails": True, "remove_extra_spaces": False, "remove_stopwords": False}
    made = served.post("/v1/datasets", {"name": "from dify", "processing": {"clean": clean}})

    assert made["processing"]["clean"] == {"urls": True, "emails": True, "extra_spaces": False}
    again = served.post("/v1/datasets", {"name": "again", "processing": made["processing"]})
    assert again["processing"] == made["processing"]


def test_processing_changes_only_while_a_dataset_is_empty(served: Served):
    dataset_id = served.new_dataset("changing")
    path = f"/v1/datasets/{dataset_id}"
    processing = {"split": {"mode": "separator", "separator": "\n", "merge": False}}

    changed = served.http.patch(path, json={"processing": processing})
    assert changed.json()["processing"]["split"]["mode"] == "separator"
    ids = served.upload(dataset_id, {"a.txt": "one\ntwo"})
    found = served.http.get(f"/v1/documents/{ids['a.txt']}/chunks").json()["data"]
    assert [chunk["text"] for chunk in found] == ["one", "two"]

    refused = served.http.patch(path, json={"processing": {}})
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert "kb reindex" in refused.json()["detail"]
    assert served.http.patch(path, json={"name": "changed"}).status_code == 200


def test_chunks_show_the_parent_that_a_hit_returns(served: Served):
    split = {"mode": "parent_child", "max_tokens": 16}
    made = served.post("/v1/datasets", {"name": "families", "processing": {"split": split}})
    text = "# A\n\n" + " ".join(f"Sentence {n} is about pump{n}." for n in range(20))
    ids = served.upload(made["id"], {"a.md": text})

    found = served.http.get(f"/v1/documents/{ids['a.md']}/chunks").json()["data"]
    body = {"query": "pump7", "explain": True}
    (hit,) = served.post(f"/v1/datasets/{made['id']}/search", body, status=200)["hits"]

    assert {json.dumps(chunk["parent"]) for chunk in found} == {
        json.dumps([{"page": 1, "start": 0, "end": len(text)}])
    }
    assert (hit["start"], hit["end"], hit["text"]) == (0, len(text), text)
    (matched,) = hit["why"]["matched"]
    assert "pump7" in text[matched["start"] : matched["end"]]
