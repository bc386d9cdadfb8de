"""A clock that jumps, and a low limit of open files: nothing is lost, and the state is clear."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.clocks import wrong_clock
from tests.server import answer_of, ask, running_server, wait_for_batch

DAY_S = 86_400
TEXT = "The harbour of Ness freezes in March."


def upload(http: httpx.Client, dataset_id: str, name: str) -> dict[str, str]:
    files = {"files": (name, f"{TEXT} So says {name}.")}
    answer = http.post(f"/v1/datasets/{dataset_id}/documents", files=files)
    assert answer.status_code == 202, answer.text
    body = answer.json()
    return {"batch": body["batch_id"], "document": body["accepted"][0]["document_id"]}


@pytest.mark.slow
@pytest.mark.needs("faketime")
def test_a_clock_that_jumps_a_day_ahead_and_back_holds_up_nothing_and_nobody(tmp_path: Path):
    clock = tmp_path / "clock"
    faked = wrong_clock(FAKETIME_TIMESTAMP_FILE=str(clock), FAKETIME_NO_CACHE="1")

    def set_clock(offset_s: int) -> None:
        (tmp_path / "next").write_text(f"{offset_s:+d}")
        (tmp_path / "next").replace(clock)

    set_clock(0)
    data_dir = tmp_path / "data"
    with (
        running_server(data_dir, **faked) as server,
        server.http as http,
    ):
        dataset_id = http.post("/v1/datasets", json={"name": "d"}).json()["id"]
        kept = upload(http, dataset_id, "first.txt")
        wait_for_batch(http, kept["batch"])
        http.post("/v1/apps", json={"slug": "a", "name": "a"}).raise_for_status()
        draft = {"prompt": "Answer from this:\n{{context}}", "dataset_ids": [dataset_id]}
        http.put("/v1/apps/a/draft", json=draft).raise_for_status()
        http.post("/v1/apps/a/publish").raise_for_status()
        for offset_s in (-DAY_S, DAY_S):
            accepted = [upload(http, dataset_id, f"{offset_s} {n}.txt") for n in range(8)]
            set_clock(offset_s)
            accepted.append(upload(http, dataset_id, f"{offset_s} late.txt"))
            for each in accepted:
                assert wait_for_batch(http, each["batch"])["ready"] == 1
            assert "March" in answer_of(ask(http, "a", "When does the harbour of Ness freeze?"))
            with httpx.Client(base_url=server.url) as browser:
                browser.post("/login", json={"key": server.key}).raise_for_status()
                browser.get("/v1/session").raise_for_status()
        set_clock(0)
        report = http.post("/v1/fsck").json()
        assert (report["clean"], report["documents"]) == (True, 19), report


@pytest.mark.slow
def test_a_low_limit_of_open_files_is_named_at_the_start_or_leaves_room_for_the_files(
    tmp_path: Path,
):
    with (
        pytest.raises(AssertionError, match=r"kb: This process may open 128 files") as refused,
        running_server(tmp_path / "refused", before=limited_to(128)),
    ):
        pass
    needed = re.search(r"needs (\d+)", str(refused.value))
    assert needed
    before = limited_to(int(needed[1]))
    with running_server(tmp_path / "data", before=before) as server, server.http as http:
        dataset_id = http.post("/v1/datasets", json={"name": "d"}).json()["id"]
        address = urlsplit(server.url)
        batches, sockets = [], []
        try:
            for number in range(int(needed[1]) + 60):
                source = f"127.0.{number % 60}.1"  # an address by itself may have few
                connected = socket.create_connection(
                    (address.hostname, address.port), 5, (source, 0)
                )
                sockets.append(connected)
                if number % 100 == 99:
                    batches.append(upload(http, dataset_id, f"{number}.txt")["batch"])
            assert [wait_for_batch(http, batch)["ready"] for batch in batches] == [1] * len(batches)
        finally:
            for connected in sockets:
                connected.close()
        assert http.get("/readyz").json()["indexes_damaged"] == 0
        assert "Too many open files" not in server.log.read_text()
        report = http.post("/v1/fsck").json()
        assert (report["clean"], report["documents"]) == (True, len(batches)), report


def limited_to(files: int) -> list[str]:
    """Words before a command that may open so many files."""
    return ["sh", "-c", f'ulimit -n {files} && exec "$@"', "sh"]
