"""From a dataset to a tuned search that answers, and back: a real server, the real trainer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("datasets", reason="the extra tune is not installed")

from tests.api.serving import Served, serving
from tests.cli.commands import kb_command
from tune.retrieval.gathering import CANDIDATES

pytestmark = [pytest.mark.slow, pytest.mark.models]

THINGS = ("Zorbel", "Quandic", "Mirvex", "Talpon", "Ursdan", "Velkor", "Brintho", "Caldum")
FILES = {
    f"{name}.md": f"# {name}\n\n{name} is a resin that carpenters heat for {number + 11} minutes "
    f"before they seal the joints of a boat with it. It came to the coast in 17{number + 20}.\n"
    for number, name in enumerate((*THINGS, "Enquil", "Faldris", "Gomtar", "Hexley"))
}


def command(served: Served, *arguments: str) -> str:
    done = kb_command(served, *arguments)
    assert done.exit_code == 0, done.output
    return done.output


def test_an_embedder_is_tuned_built_compared_switched_to_and_rolled_back(tmp_path: Path):
    with serving(tmp_path / "data") as served:
        dataset = served.new_dataset("handbook", FILES)
        like_an_answer(served, dataset)

        said = command(served, "tune", "embedder", "--dataset", "handbook", "--base", "bundled-en")

        assert "Do not use it" in said  # a dozen pages are too few to tell
        job = served.http.get("/v1/tuning/jobs").json()["data"][0]
        assert (job["status"], job["task"]) == ("succeeded", "embedder")
        assert "feedback" in trained_on(served, job["training_file"])
        model = f"{job['id']}/model"
        assert model in said
        command(served, "reindex", "handbook", "--embedder", model, "--wait")
        questions = tmp_path / "questions.jsonl"
        questions.write_text(json.dumps(asked("Talpon")) + "\n")
        report = ("--out", str(tmp_path / "report.html"))
        compared = command(
            served, "eval", "run", str(questions), "--dataset", "handbook@2", "--against",
            "handbook", "--mode", "vector", *report,
        )  # fmt: skip
        assert "against" in compared
        assert live(served, dataset) == (1, "hash")
        command(served, "datasets", "switch", "handbook", "2")
        assert live(served, dataset) == (2, model)
        found = served.post(f"/v1/datasets/{dataset}/search", {"query": "Talpon"}, status=200)
        assert found["hits"][0]["document_name"] == "Talpon.md"
        command(served, "datasets", "rollback", "handbook")
        assert live(served, dataset) == (1, "hash")


def asked(name: str) -> dict[str, Any]:
    return {"question": f"What is {name} for?", "relevant": [{"document": f"{name}.md"}]}


def like_an_answer(served: Served, dataset: str) -> None:
    served.new_app("helper", dataset_ids=[dataset])
    answer = served.http.post(
        "/v1/apps/helper/chat", json={"query": "For how long is Mirvex heated?", "stream": False}
    ).json()
    assert answer["citations"]
    served.post(f"/v1/messages/{answer['message_id']}/feedback", {"rating": "like"}, status=200)


def trained_on(served: Served, file_id: str) -> set[str]:
    rows = served.http.get(f"/openai/v1/files/{file_id}/content").text.splitlines()
    assert 0 < len(rows) <= len(FILES) * CANDIDATES
    return {json.loads(row).get("origin", "imported") for row in rows}


def live(served: Served, dataset: str) -> tuple[int, str]:
    listed = served.http.get(f"/v1/datasets/{dataset}/generations").json()["data"]
    (found,) = (each for each in listed if each["status"] == "live")
    return found["generation"], found["model"]
