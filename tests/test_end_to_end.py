"""The thread that everything hangs on, over HTTP, with a real server process and real files."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.fake_models import running_fake_server
from tests.samples import pdf_bytes
from tests.server import answer_of, ask, running_server, start_server, wait_for_batch

HIDDEN = "You are the librarian of moonrise. Secret word: zephyr-{brace}.\n{{context}}"
TUNED_HIDDEN = "You are the tuned librarian. Never say quicksilver.\n{{context}}"

NOVEL = """第一回　宴桃園豪傑三結義　斬黃巾英雄首立功

话说天下大势，分久必合，合久必分。周末七国分争，并入于秦。

及秦灭之后，楚、汉分争，又并入于汉。榜文行到涿县，引出涿县中一个英雄刘备。
"""


def upload(http: httpx.Client, dataset_id: str, files: dict[str, bytes]) -> dict[str, str]:
    parts = [("files", (name, content)) for name, content in files.items()]
    answer = http.post(f"/v1/datasets/{dataset_id}/documents", files=parts)
    assert answer.status_code == 202, answer.text
    batch = wait_for_batch(http, answer.json()["batch_id"])
    assert batch["ready"] == len(files), batch
    return {item["name"]: item["document_id"] for item in batch["documents"]}


def make_app(http: httpx.Client, dataset_id: str, model_url: str) -> None:
    for name in ("cite", "numbers:5"):
        body = {"name": name, "provider": "openai", "base_url": model_url, "model": name}
        assert http.post("/v1/models", json=body).status_code == 201
    assert http.post("/v1/apps", json={"slug": "library", "name": "Library"}).status_code == 201
    draft = {
        "prompt": HIDDEN,
        "dataset_ids": [dataset_id],
        "base": {"model": "cite"},
        "tuned": {"model": "numbers:5", "prompt": TUNED_HIDDEN},
    }
    assert http.put("/v1/apps/library/draft", json=draft).status_code == 200
    assert http.post("/v1/apps/library/publish").status_code in (200, 201)


def test_documents_in_cited_answers_out_over_restarts(tmp_path: Path):
    data = tmp_path / "data"
    with running_fake_server() as model:
        with running_server(data) as server:
            http = server.http
            dataset_id = http.post("/v1/datasets", json={"name": "books"}).json()["id"]
            ids = upload(
                http,
                dataset_id,
                {
                    "moon.pdf": pdf_bytes(["The moon rises over Ostrava at nine.", "Second page."]),
                    "三国.txt": NOVEL.encode("gb18030"),
                },
            )
            make_app(http, dataset_id, model.base_url)

            # A cited answer, with the hidden prompt sent upstream and nowhere else.
            events = ask(http, "library", "When does the moon rise over Ostrava?")
            names = [name for name, _ in events]
            assert names[:3] == ["run.started", "route", "retrieval"]
            assert names[-1] == "run.completed"
            completed = events[-1][1]
            assert completed["answer"] == answer_of(events)
            assert completed["route"]["variant"] == "base"
            sent = model.requests[-1]["messages"][0]
            assert sent["role"] == "system"
            assert "Secret word: zephyr-{brace}." in sent["content"]
            assert "The moon rises over Ostrava at nine." in sent["content"]
            assert "zephyr" not in str(events)

            # The quote is the page's own characters.
            assert completed["citations"], completed["answer"]
            citation = completed["citations"][0]
            pages = http.get(f"/v1/documents/{citation['document_id']}/pages").json()["data"]
            text = next(page["text"] for page in pages if page["number"] == citation["page"])
            assert text[citation["start"] : citation["end"]] == citation["quote"]

            # Chinese from GB18030 is found by its own words.
            hits = http.post(
                f"/v1/datasets/{dataset_id}/search", json={"query": "涿县引出的英雄是谁"}
            ).json()["hits"]
            assert hits[0]["document_name"] == "三国.txt"
            assert "刘备" in hits[0]["text"]

            # The switch.
            assert http.put("/v1/apps/library/route", json={"mode": "tuned"}).status_code == 200
            tuned = ask(http, "library", "When does the moon rise?")
            assert tuned[-1][1]["route"]["variant"] == "tuned"
            assert "tuned librarian" in model.requests[-1]["messages"][0]["content"]
            server.kill()

        # The server comes back after kill -9 and still answers, until the document is deleted.
        with running_server(data) as server:
            http = server.http
            again = ask(http, "library", "When does the moon rise over Ostrava?", route="base")
            assert "moon.pdf" in str(again[2][1]["sources"])
            assert http.delete(f"/v1/documents/{ids['moon.pdf']}").status_code == 204
            gone = ask(http, "library", "When does the moon rise over Ostrava?", route="base")
            assert "moon" not in str(gone[2][1]["sources"])
            assert "Ostrava at nine" not in model.requests[-1]["messages"][0]["content"]
            report = http.post("/v1/fsck").json()
            assert report["clean"], report
            assert server.stop() == 0


def test_a_second_process_on_the_folder_is_refused_and_told_where_the_first_is(tmp_path: Path):
    data = tmp_path / "data"
    with running_server(data) as server:
        with pytest.raises(AssertionError) as refused:
            start_server(data)
        assert "Another process already uses the data folder" in str(refused.value)
        assert server.url in str(refused.value)
