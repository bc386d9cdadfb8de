"""Uploads are acknowledged or refused by name; what is stored can be read back to the character."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from tests.api.posting import PROGRAM, post, staged_files
from tests.api.serving import Served
from tests.server import wait_for_batch

TEXT = "# The moon\n\nThe moon rises at nine.\n\n# The sun\n\nThe sun sets at five.\n"


@pytest.fixture
def dataset_id(served: Served, request: pytest.FixtureRequest) -> str:
    return served.new_dataset(request.node.name)


def test_a_document_can_be_read_back_in_every_form(served: Served, dataset_id: str):
    document_id = served.upload(dataset_id, {"sky/moon.md": TEXT})["sky/moon.md"]

    found = served.http.get(f"/v1/documents/{document_id}").json()
    assert (found["name"], found["status"], found["media_type"]) == (
        "sky/moon.md",
        "ready",
        "text/markdown",
    )
    assert found["sha256"] == hashlib.sha256(TEXT.encode()).hexdigest()
    assert found["size_bytes"] == len(TEXT.encode())
    assert found["error"] is None
    assert found["receipt"]
    pages = served.http.get(f"/v1/documents/{document_id}/pages").json()["data"]
    text_of = {page["number"]: page["text"] for page in pages}
    chunks = served.http.get(f"/v1/documents/{document_id}/chunks").json()["data"]
    assert len(chunks) == found["chunk_count"] > 0
    for chunk in chunks:
        pieces = [text_of[s["page"]][s["start"] : s["end"]] for s in chunk["spans"]]
        assert "".join(pieces) == chunk["text"]
        first = chunk["spans"][0]
        assert {key: chunk[key] for key in first} == first
    original = served.http.get(f"/v1/documents/{document_id}/original")
    assert original.content == TEXT.encode()


def test_lists_of_chunks_and_documents_go_on_where_the_cursor_says(served: Served, dataset_id: str):
    names = [f"{number:02}.md" for number in range(5)]
    documents = served.upload(dataset_id, {name: f"Number {name}." for name in names})

    seen, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = served.http.get(f"/v1/datasets/{dataset_id}/documents", params=query).json()
        seen += [item["name"] for item in page["data"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert sorted(seen) == names
    chunks = f"/v1/documents/{documents['00.md']}/chunks"
    assert served.http.get(chunks, params={"cursor": "x"}).status_code == 400
    assert served.http.get(chunks, params={"cursor": "99"}).json() == {"data": [], "next": None}


def test_documents_are_listed_by_status_and_by_a_piece_of_the_name(served: Served, dataset_id: str):
    served.upload(dataset_id, {"moon.md": TEXT, "sun.md": "The sun.", "100%.md": "All."})
    path = f"/v1/datasets/{dataset_id}/documents"

    def names(**query: str) -> list[str]:
        return sorted(d["name"] for d in served.http.get(path, params=query).json()["data"])

    assert names(q="moo") == ["moon.md"]
    assert names(q="%") == ["100%.md"]
    assert names(status="ready") == ["100%.md", "moon.md", "sun.md"]
    assert names(status="failed") == []
    assert served.http.get(path, params={"status": "lost"}).status_code == 400


def test_one_document_can_be_put_by_its_name(served: Served, dataset_id: str):
    path = f"/v1/datasets/{dataset_id}/documents/by-name"

    def pieces() -> Iterator[bytes]:
        yield from (b"The moon ", b"rises.")

    answer = served.http.put(f"{path}/dir/m%C3%BCller 1.md", content=pieces())

    assert answer.status_code == 202
    accepted = answer.json()["accepted"][0]
    assert (accepted["name"], accepted["size_bytes"]) == ("dir/müller 1.md", 15)
    assert served.http.put(f"{path}/..%2Fa.md", content=b"x").status_code == 400
    assert served.http.put(f"{path}/a.bin", content=PROGRAM).status_code == 400


def test_the_same_bytes_change_nothing_and_others_make_a_version(served: Served, dataset_id: str):
    first = served.upload(dataset_id, {"a.md": "One."})["a.md"]
    same = post(served, dataset_id, ("a.md", b"One.")).json()["accepted"][0]
    assert (same["document_id"], same["status"]) == (first, "ready")
    skipped = post(served, dataset_id, ("a.md", b"Two."), mode="skip").json()
    assert wait_for_batch(served.http, skipped["batch_id"])["failed"] == 0
    assert served.http.get(f"/v1/documents/{first}").json()["version"] == 1

    assert served.upload(dataset_id, {"a.md": "Three."})["a.md"] == first

    changed = served.http.get(f"/v1/documents/{first}").json()
    assert (changed["version"], changed["live_version"]) == (2, 2)
    assert served.http.get(f"/v1/documents/{first}/original").content == b"Three."


def test_an_encoding_can_be_insisted_on(served: Served, dataset_id: str):
    content = "话说天下大势，分久必合，合久必分。".encode("gb18030")
    answer = post(served, dataset_id, ("a.txt", content), encoding="gb18030")
    wait_for_batch(served.http, answer.json()["batch_id"])
    document_id = answer.json()["accepted"][0]["document_id"]
    pages = served.http.get(f"/v1/documents/{document_id}/pages").json()["data"]
    assert pages[0]["text"].startswith("话说天下大势")

    unknown = post(served, dataset_id, ("a.txt", content), encoding="klingon")
    assert unknown.status_code == 400
    assert "klingon" in unknown.json()["detail"]


def test_metadata_is_a_json_object_that_stays_with_the_document(served: Served, dataset_id: str):
    answer = post(served, dataset_id, ("a.md", b"Text."), metadata='{"year": 1984}')
    document_id = answer.json()["accepted"][0]["document_id"]
    assert served.http.get(f"/v1/documents/{document_id}").json()["metadata"] == {"year": 1984}
    for bad in ("[1]", "{"):
        assert post(served, dataset_id, ("a.md", b"Text."), metadata=bad).status_code == 400


def test_a_dry_run_says_what_would_be_accepted_and_stores_nothing(served: Served, dataset_id: str):
    answer = post(served, dataset_id, ("a.md", b"Text."), ("b.bin", PROGRAM), dry_run="true")

    assert answer.status_code == 202
    body = answer.json()
    assert body["batch_id"] is None
    assert [(item["name"], item["document_id"]) for item in body["accepted"]] == [("a.md", None)]
    assert [item["name"] for item in body["rejected"]] == ["b.bin"]
    assert served.http.get(f"/v1/datasets/{dataset_id}/documents").json()["data"] == []
    assert staged_files(served.kb.settings.data_dir) == []


def test_an_original_is_downloaded_under_its_name_and_never_shown(served: Served, dataset_id: str):
    shown, quoted = "dir/说明.html", 'q"uote.md'
    html = "<script>alert(1)</script><p>Text.</p>"
    ids = served.upload(dataset_id, {shown: html, quoted: "Text."})

    answer = served.http.get(f"/v1/documents/{ids[shown]}/original")
    assert answer.headers["content-disposition"] == (
        "attachment; filename*=utf-8''%E8%AF%B4%E6%98%8E.html"
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("sandbox")
    answer = served.http.get(f"/v1/documents/{ids[quoted]}/original")
    assert answer.headers["content-disposition"] == "attachment; filename*=utf-8''q%22uote.md"


@pytest.mark.one_folder  # elsewhere its copies go a little later
def test_a_deleted_document_is_gone_from_every_place(served: Served, dataset_id: str):
    text = "The moon is about to go."
    document_id = served.upload(dataset_id, {"a.md": text})["a.md"]
    original = served.kb.originals.path(hashlib.sha256(text.encode()).hexdigest())
    assert original.exists()

    assert served.http.delete(f"/v1/documents/{document_id}").status_code == 204

    for path in ("", "/chunks", "/pages", "/original"):
        assert served.http.get(f"/v1/documents/{document_id}{path}").status_code == 404
    search = {"query": "moon"}
    found = served.http.post(f"/v1/datasets/{dataset_id}/search", json=search).json()
    assert found["hits"] == []
    assert not original.exists()


def test_only_a_failed_document_is_tried_again(served: Served, dataset_id: str):
    document_id = served.upload(dataset_id, {"a.md": "Text."})["a.md"]
    assert served.http.post(f"/v1/documents/{document_id}/retry").status_code == 409

    answer = post(served, dataset_id, ("broken.pdf", b"%PDF-1.7\ngarbage"))
    batch = wait_for_batch(served.http, answer.json()["batch_id"])
    failed = batch["documents"][0]
    assert (failed["status"], batch["failed"]) == ("failed", 1)
    assert failed["error"]["code"]
    assert failed["error"]["detail"]
    again = served.http.post(f"/v1/documents/{failed['document_id']}/retry")
    assert again.status_code == 200
    assert again.json()["status"] in ("pending", "indexing", "failed")


def test_two_hundred_files_fit_into_one_request(served: Served, dataset_id: str):
    parts = [(f"dir/{number:03}.md", f"Number {number}.".encode()) for number in range(200)]

    answer = post(served, dataset_id, *parts)

    assert len(answer.json()["accepted"]) == 200
    assert wait_for_batch(served.http, answer.json()["batch_id"])["ready"] == 200
