"""`kb reindex`, `kb erase` and the generations of a dataset, against a running server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.serving import Served, serving
from tests.cli.commands import kb_command

FILES = {"moon.md": "The moon rises at nine. " * 20, "tide.md": "The tide turns at ten. " * 20}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("upkeep") / "data") as running:
        yield running


def run(served: Served, *arguments: str, code: int = 0) -> str:
    """What a command prints, which ends with the given status."""

    result = kb_command(served, *arguments)
    assert result.exit_code == code, result.output
    return result.output


def test_a_dataset_is_reindexed_switched_and_rolled_back_by_command(served: Served):
    dataset = served.new_dataset("Handbook", FILES)
    split = ["--split", "max_tokens=16", "--clean", "urls=on"]
    built = json.loads(run(served, "reindex", "Handbook", *split, "--switch", "--json"))
    assert (built["generation"], built["status"], built["failed"]) == (2, "live", 0)
    found = served.http.get(f"/v1/datasets/{dataset}").json()
    assert found["generation"] == 2
    assert found["processing"]["split"]["max_tokens"] == 16
    assert found["processing"]["clean"] == {"urls": True}

    lines = run(served, "datasets", "generations", "Handbook").splitlines()
    assert [line.split(",")[0] for line in lines] == [
        "generation 1: retired",
        "generation 2: live",
    ]
    assert "generation 1 answers" in run(served, "datasets", "rollback", dataset)
    assert "generation 2 answers" in run(served, "datasets", "switch", "Handbook", "2")


def test_a_generation_with_failures_is_not_switched_to(served: Served, tmp_path: Path):
    dataset = served.new_dataset("Fragile", FILES)
    printed = run(served, "reindex", "Fragile", "--split", "mode=qa", "--switch", code=1)
    assert "2 failed" in printed
    assert "moon.md" in printed
    assert served.http.get(f"/v1/datasets/{dataset}").json()["generation"] == 1


def test_what_is_deleted_is_erased_by_command(served: Served):
    ids = served.upload(served.new_dataset("Shredder"), FILES)
    served.http.delete(f"/v1/documents/{ids['tide.md']}")
    assert run(served, "erase") == "documents erased: 1, pending: 0\n"
