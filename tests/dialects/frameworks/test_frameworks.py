"""Haystack searches our datasets; Ragas and DeepEval read what `kb eval run` writes for them.

Their packages are installed by `.ci/run`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.eval.served_questions import QUESTIONS, TOWNS
from tests.server import ROOT, ServerProcess, environment, running_server, wait_for_batch

FOLDER = Path(__file__).with_name("python")
MOON = "# Sky\n\n## Moon\n\nThe moon rises over Ostrava at nine in the evening.\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with running_server(tmp_path_factory.mktemp("frameworks") / "data") as started:
        with started.http as http:
            for name, files in (("sky", {"moon.md": MOON}), ("towns", TOWNS)):
                dataset = http.post("/v1/datasets", json={"name": name}).json()["id"]
                parts = [("files", (each, text.encode())) for each, text in files.items()]
                sent = http.post(f"/v1/datasets/{dataset}/documents", files=parts)
                assert wait_for_batch(http, sent.json()["batch_id"])["ready"] == len(files)
                http.post("/v1/apps", json={"slug": name, "name": name}).raise_for_status()
                draft = {"dataset_ids": [dataset]}
                http.put(f"/v1/apps/{name}/draft", json=draft).raise_for_status()
                http.post(f"/v1/apps/{name}/publish").raise_for_status()
        yield started


def use(environment_name: str, **variables: str) -> Any:
    """What the script of a framework prints."""
    python = FOLDER / environment_name / ".venv/bin/python"
    if not python.exists():
        pytest.skip("the frameworks are not installed")
    quiet = {"DEEPEVAL_TELEMETRY_OPT_OUT": "1", "RAGAS_DO_NOT_TRACK": "true"}
    quiet |= {"HAYSTACK_TELEMETRY_ENABLED": "false", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [python, FOLDER / environment_name / "use.py"],
        env={**os.environ, **quiet, **variables},
        cwd=variables.get("FOLDER"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_haystack_fills_a_prompt_from_our_search(server: ServerProcess):
    found = use("haystack", URL=server.url, KEY=server.key)
    assert "The moon rises over Ostrava at nine" in found["prompt"]
    assert found["prompt"] == found["beside"]
    assert found["meta"]["document_name"] == "moon.md"
    assert found["meta"]["link"].startswith(f"{server.url}/v1/documents/doc_")
    assert found["meta"]["link"].endswith("/original#page=1")
    assert 0 < found["score"] <= 1


@pytest.fixture(scope="module")
def exports(server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What `kb eval run` writes beside its report."""
    folder = tmp_path_factory.mktemp("exports")
    rows = [
        {"question": each.text, "answers": each.answers, "answerable": each.answerable}
        for each in QUESTIONS.questions
    ]
    (folder / "set.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    paths = {"ragas": folder / "ragas.jsonl", "deepeval": folder / "deepeval.json"}
    options = [word for name, path in paths.items() for word in (f"--{name}", path)]
    done = subprocess.run(
        [sys.executable, "-m", "cli", "eval", "run", "set.jsonl", "--app", "towns", *options],
        env=environment(server.data_dir),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return paths


@pytest.mark.parametrize("library", ["ragas", "deepeval"])
def test_a_library_reads_the_export(exports: dict[str, Path], library: str):
    read = use(library, EXPORT=str(exports[library]), FOLDER=str(exports[library].parent))
    asked = QUESTIONS.questions
    assert [row["question"] for row in read] == [question.text for question in asked]
    assert "nine bridges" in read[1]["answer"]
    assert any("nine bridges" in passage for passage in read[1]["contexts"])
    assert [row["value"] is None for row in read] == [not question.answers for question in asked]
