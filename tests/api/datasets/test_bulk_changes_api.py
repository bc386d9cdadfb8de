"""Many documents are changed by one call, which says what became of each."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.serving import Served
from tests.cli.commands import kb_command

FILES = {f"{folder}/{n}.md": f"Page {n} of {folder}." for folder in ("old", "new") for n in (1, 2)}


@pytest.fixture
def shelf(served: Served, request: pytest.FixtureRequest) -> tuple[str, dict[str, str]]:
    dataset = served.new_dataset(request.node.name)
    return dataset, served.upload(dataset, FILES)


def change(served: Served, dataset: str, expected: int = 200, **body: Any) -> Any:
    answer = served.http.patch(f"/v1/datasets/{dataset}/documents", json=body)
    assert answer.status_code == expected, answer.text
    return answer.json()


def told(served: Served, document_id: str, *names: str) -> list[Any]:
    document = served.http.get(f"/v1/documents/{document_id}").json()
    return [document[name] for name in names]


def test_documents_are_changed_by_id_and_the_rest_is_told(served: Served, shelf: Any):
    dataset, ids = shelf
    one, two, new = ids["old/1.md"], ids["old/2.md"], ids["new/1.md"]
    other = served.upload(served.new_dataset("elsewhere"), {"a.md": "Elsewhere."})["a.md"]
    change(served, dataset, document_ids=[two], valid_from="2030-01-01")
    change(served, dataset, document_ids=[new], enabled=False, valid_until="2026-01-01")

    given = {"enabled": False, "valid_until": "2026-01-01"}
    report = change(served, dataset, document_ids=[one, two, new, other, "doc_none"], **given)

    assert report["changed"] == [one]
    assert report["unchanged"] == [new]
    assert report["not_found"] == sorted([other, "doc_none"])
    assert [each["document_id"] for each in report["refused"]] == [two]
    assert "2030-01-01" in report["refused"][0]["detail"]
    assert told(served, one, "enabled", "valid_until") == [False, "2026-01-01"]
    assert told(served, two, "enabled", "valid_until") == [True, None]
    assert told(served, other, "enabled") == [True]


def test_documents_are_chosen_as_a_list_or_a_search_chooses_them(served: Served, shelf: Any):
    dataset, ids = shelf
    old = sorted(id_ for name, id_ in ids.items() if name.startswith("old/"))
    year, labels = {"year": 2020}, ["archive", "board"]

    by_piece = change(served, dataset, q="old/", status="ready", metadata=year, labels=labels)
    by_filter = change(served, dataset, filter={"metadata.year": 2020}, labels=["archive"])

    assert by_piece["changed"] == by_filter["changed"] == old
    assert told(served, old[0], "metadata", "labels") == [year, ["archive"]]
    assert change(served, dataset, filter={"metadata.year": 2021}, enabled=False)["changed"] == []
    every = change(served, dataset, filter={"name": {"prefix": ""}}, labels=[], metadata=None)
    assert (every["changed"], len(every["unchanged"])) == (old, 2)
    assert told(served, old[0], "metadata", "labels") == [{}, []]


def test_who_lacks_the_label_changes_nothing_and_is_told_of_nothing(served: Served, shelf: Any):
    dataset, ids = shelf
    hidden = ids["old/1.md"]
    change(served, dataset, document_ids=[hidden], labels=["board"])
    stranger = served.with_new_key(kind="dataset", dataset_ids=[dataset], labels=["sky"])
    path = f"/v1/datasets/{dataset}/documents"

    named = stranger.patch(path, json={"document_ids": [hidden], "labels": []}).json()
    absent = stranger.patch(path, json={"document_ids": ["doc_none"], "labels": []}).json()
    every = stranger.patch(path, json={"q": "old/", "enabled": False}).json()

    assert named == absent | {"not_found": [hidden]}
    assert absent["not_found"] == ["doc_none"]
    assert every["changed"] == [ids["old/2.md"]]
    lost = stranger.patch(path, json={"q": "old/", "labels": ["board"]})
    assert (lost.status_code, "none of these" in lost.json()["detail"]) == (400, True)
    assert told(served, hidden, "labels", "enabled") == [["board"], True]


@pytest.mark.parametrize(
    "body",
    [
        {"enabled": False},
        {"q": "", "enabled": False},
        {"q": "old", "document_ids": [], "enabled": False},
        {"q": "old"},
        {"q": "old", "filter": {"size": 1}, "enabled": False},
        {"q": "old", "valid_from": "2026-02-01", "valid_until": "2026-01-01"},
    ],
)
def test_what_is_not_clear_changes_nothing(served: Served, shelf: Any, body: dict[str, Any]):
    dataset, ids = shelf
    change(served, dataset, 400, **body)
    assert told(served, ids["old/1.md"], "enabled", "valid_from") == [True, None]


def test_the_command_does_the_same(served: Served, shelf: Any):
    dataset, ids = shelf
    name = served.http.get(f"/v1/datasets/{dataset}").json()["name"]
    to = ("documents", "set", "--dataset", name)

    said = ["--labels=board,hr", '--metadata={"year": 2020}', "--off", "--valid-until=2026-01-01"]
    done = kb_command(served, *to, "old/1.md", ids["old/2.md"], *said)
    assert (done.exit_code, done.output) == (0, "2 changed, 0 unchanged\n")
    has = told(served, ids["old/1.md"], "labels", "metadata", "enabled", "valid_until")
    assert has == [["board", "hr"], {"year": 2020}, False, "2026-01-01"]

    back = ["--labels=", "--metadata=", "--on", "--valid-until=", "--json"]
    done = kb_command(served, *to, "--q", "old/", "--status", "ready", *back)
    assert json.loads(done.output)["changed"] == sorted([ids["old/1.md"], ids["old/2.md"]])
    has = told(served, ids["old/1.md"], "labels", "metadata", "enabled", "valid_until")
    assert has == [[], {}, True, None]

    done = kb_command(served, *to, "none.md", "--off")
    assert (done.exit_code, "none.md: There is no such document." in done.output) == (1, True)
