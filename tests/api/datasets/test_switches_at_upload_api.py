"""What an upload says of labels, days and whether a document is on holds from the first moment."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.serving import Served
from tests.api.uploads.tus_client import begin, send
from tests.cli.commands import kb_command
from tests.server import wait_for_batch

SAID = {"labels": "sea", "valid_from": "2026-03-04", "valid_until": "2030-12-31"}
TOLD = {**SAID, "labels": ["sea"], "enabled": False, "metadata": {"year": 2026}}
OPTIONS = {**SAID, "enabled": "false", "metadata": '{"year": 2026}'}
TIDE = b"The moon pulls the tide at ten."


def listed(http: httpx.Client, dataset: str) -> dict[str, dict[str, Any]]:
    answer = http.get(f"/v1/datasets/{dataset}/documents")
    return {each["name"]: each for each in answer.json()["data"]}


def packed(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.md", data)
    return file.getvalue()


def by_form(served: Served, dataset: str, _: Path) -> None:
    path = f"/v1/datasets/{dataset}/documents"
    sent = served.http.post(path, params=OPTIONS, files={"files": ("tide.md", TIDE)})
    wait_for_batch(served.http, sent.json()["batch_id"])


def by_archive(served: Served, dataset: str, _: Path) -> None:
    path = f"/v1/datasets/{dataset}/documents"
    files = {"files": ("all.zip", packed(tide=TIDE))}
    sent = served.http.post(path, params=OPTIONS, files=files)
    wait_for_batch(served.http, sent.json()["batch_id"])


def by_name(served: Served, dataset: str, _: Path) -> None:
    path = f"/v1/datasets/{dataset}/documents/by-name/tide.md"
    sent = served.http.put(path, params=OPTIONS, content=TIDE)
    wait_for_batch(served.http, sent.json()["batch_id"])


def by_pieces(served: Served, dataset: str, _: Path) -> None:
    place = begin(served, dataset, len(TIDE), "tide.md", **OPTIONS).headers["location"]
    wait_for_batch(served.http, send(served, place, 0, TIDE).headers["x-batch-id"])


def by_command(served: Served, dataset: str, folder: Path) -> None:
    (folder / "tide.md").write_bytes(TIDE)
    name = served.http.get(f"/v1/datasets/{dataset}").json()["name"]
    said = [f"--{name.replace('_', '-')}={value}" for name, value in SAID.items()]
    said += ["--off", f"--metadata={OPTIONS['metadata']}"]
    done = kb_command(served, "ingest", str(folder / "tide.md"), "--dataset", name, *said)
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("bring", [by_form, by_archive, by_name, by_pieces, by_command])
def test_every_way_in_takes_them(served: Served, tmp_path: Path, bring: Any):
    dataset = served.new_dataset(f"brought {bring.__name__}")

    bring(served, dataset, tmp_path)

    document = listed(served.http, dataset)["tide.md"]
    assert {name: document[name] for name in TOLD} == TOLD
    found = served.post(f"/v1/datasets/{dataset}/search", {"query": "tide"}, status=200)
    assert found["hits"] == []


def test_who_lacks_the_label_never_sees_what_is_on_its_way_in(served: Served):
    dataset = served.new_dataset("on its way", {"moon.md": "The moon rises at nine."})
    opened = {"kind": "dataset", "dataset_ids": [dataset]}
    insider = served.with_new_key(**opened, labels=["sea"])
    stranger = served.with_new_key(**opened)
    path = f"/v1/datasets/{dataset}/documents"

    files = {"files": ("tide.md", TIDE)}
    sent = insider.post(path, params={"labels": "sea"}, files=files).json()

    tide = f"/v1/documents/{sent['accepted'][0]['document_id']}"
    is_indexed = False
    while not is_indexed:  # asked on the way, and once more when it is searchable
        is_indexed = insider.get(tide).json()["status"] == "ready"
        assert stranger.get(tide).status_code == 404
        assert set(listed(stranger, dataset)) == {"moon.md"}
        hits = stranger.post(f"/v1/datasets/{dataset}/search", json={"query": "tide"}).json()
        assert {hit["document_name"] for hit in hits["hits"]} == {"moon.md"}
    assert set(listed(insider, dataset)) == {"moon.md", "tide.md"}
    lost = stranger.post(path, params={"labels": "sea"}, files={"files": ("a.md", b"Ebb.")})
    assert (lost.status_code, "none of these" in lost.json()["detail"]) == (400, True)


def test_a_version_that_says_nothing_keeps_them_and_one_that_does_is_checked(served: Served):
    dataset = served.new_dataset("kept")
    path = f"/v1/datasets/{dataset}/documents"
    by_form(served, dataset, Path())
    for data in (b"The tide turns at six.", packed(tide=b"The tide turns at seven.")):
        name = "all.zip" if data.startswith(b"PK") else "tide.md"
        sent = served.http.post(path, files={"files": (name, data)}).json()
        wait_for_batch(served.http, sent["batch_id"])
    after = listed(served.http, dataset)["tide.md"]
    assert {name: after[name] for name in TOLD} == TOLD
    assert after["version"] == 3

    wrong = {"valid_until": "2020-01-01"}  # before the first day that it has
    for said in (wrong, {"valid_from": "soon"}, {"enabled": "perhaps"}, {"labels": "no blanks"}):
        sent = served.http.post(path, params=said, files={"files": ("tide.md", b"Ebb.")})
        assert sent.status_code == 400, said
        assert begin(served, dataset, 4, "tide.md", **said).status_code == 400 or said == wrong
    assert listed(served.http, dataset)["tide.md"]["version"] == 3

    # The same bytes, and on again
    on = {"enabled": "true", "valid_from": "2026-01-01"}
    served.http.put(f"{path}/by-name/tide.md", params=on, content=b"The tide turns at seven.")
    after = listed(served.http, dataset)["tide.md"]
    assert (after["enabled"], after["valid_from"], after["version"]) == (True, "2026-01-01", 3)
