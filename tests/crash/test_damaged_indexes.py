"""A server whose index files are harmed: the answers stay right, and the index is made anew."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.kits import IS_CLUSTER, copy_folder
from tests.server import running_server, wait_for_batch

FILES = {f"{n}.txt": f"Ash{n} birch{n} cedar{n} elm{n}." for n in range(8)}
PATIENCE_S = 60


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """A folder that was stopped cleanly, and the ids of its two datasets."""
    data_dir = tmp_path_factory.mktemp("filled") / "data"
    with running_server(data_dir) as server, server.http as http:
        ids = [http.post("/v1/datasets", json={"name": name}).json()["id"] for name in "ab"]
        for dataset, renamed in zip(ids, ("{}", "Other {}"), strict=True):
            files = [("files", (name, renamed.format(text))) for name, text in FILES.items()]
            answer = http.post(f"/v1/datasets/{dataset}/documents", files=files).json()
            wait_for_batch(http, answer["batch_id"])
        server.stop()
    return data_dir, ids[0], ids[1]


@pytest.fixture
def copied(filled: tuple[Path, str, str], tmp_path: Path) -> Iterator[tuple[Path, Path, Path]]:
    """A copy of it: the folder, and those of the indexes of both datasets."""
    data_dir, *ids = filled
    copy_folder(data_dir, tmp_path / "data")
    own, other = (tmp_path / "data" / "index" / dataset / "g1" for dataset in ids)
    yield tmp_path / "data", own, other
    shutil.rmtree(tmp_path / "data")


def assert_right(http: httpx.Client, dataset: str) -> None:
    for name, text in FILES.items():
        for mode in ("keyword", "vector"):
            body = {"query": text, "mode": mode, "top_k": 1}
            answer = http.post(f"/v1/datasets/{dataset}/search", json=body)
            assert answer.status_code == 200, answer.text
            assert [hit["document_name"] for hit in answer.json()["hits"]] == [name], mode


def assert_mended(http: httpx.Client, dataset: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while (ready := http.get("/readyz").json())["indexes_damaged"] or ready["indexes_unchecked"]:
        assert time.monotonic() < deadline, ready
        time.sleep(0.05)
    assert http.post("/v1/fsck").json()["violations"] == []
    assert_right(http, dataset)


def test_indexes_that_are_lost_or_of_another_are_no_empty_knowledge_base(copied):
    data_dir, own, other = copied
    shutil.rmtree(own / "vectors", ignore_errors=IS_CLUSTER)
    shutil.rmtree(own / "keywords")
    shutil.copytree(other / "keywords", own / "keywords")
    with running_server(data_dir) as server, server.http as http:
        assert_right(http, own.parent.name)
        assert_mended(http, own.parent.name)


def test_files_that_go_while_the_server_runs_are_missed_by_nobody(copied):
    data_dir, own, _ = copied
    with running_server(data_dir, KB_SEARCH__OPEN_INDEXES="1") as server, server.http as http:
        assert_right(http, own.parent.name)
        for file in [*own.rglob("*.pos"), *own.rglob("*.sqlite3")]:
            file.unlink()
        answer = http.post(
            f"/v1/datasets/{own.parent.name}/documents", files={"files": ("9.txt", "Another one.")}
        )
        wait_for_batch(http, answer.json()["batch_id"])
        assert_right(http, own.parent.name)
        assert_mended(http, own.parent.name)
        server.kill()
    with running_server(data_dir) as server, server.http as http:
        assert_right(http, own.parent.name)
        assert_mended(http, own.parent.name)
