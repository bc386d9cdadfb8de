"""`kb eval` as a user types it, with a running server: exit statuses and files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.eval.served_questions import TOWNS
from tests.server import environment, running_server, wait_for_batch

pytestmark = pytest.mark.slow  # every command is a process of its own


def kb(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli", "eval", *arguments],
        env=environment(data_dir),
        cwd=data_dir.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_questions_are_made_measured_and_held_against_a_bar(tmp_path: Path):
    with running_server(tmp_path / "data") as server, server.http as http:
        dataset = http.post("/v1/datasets", json={"name": "towns"}).json()["id"]
        files = [("files", (name, text.encode())) for name, text in TOWNS.items()]
        upload = http.post(f"/v1/datasets/{dataset}/documents", files=files)
        wait_for_batch(http, upload.json()["batch_id"])

        made = kb(server.data_dir, "generate", "--dataset", "towns", "--out", "made.jsonl")
        command = ["run", "made.jsonl", "--dataset", "towns", "--k", "1,5"]
        good = kb(server.data_dir, *command, "--fail-under", "recall@5=0.9")
        bad = kb(server.data_dir, *command, "--fail-under", "characters iou@5=0.99")

    said = [done.stdout + done.stderr for done in (made, good, bad)]
    assert (made.returncode, good.returncode, bad.returncode) == (0, 0, 1), said
    assert "recall@5" in good.stdout
    assert "below 0.99" in bad.stderr
    assert json.loads((tmp_path / "report.json").read_text())["held"] is False
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")


def test_a_published_set_becomes_a_folder_of_ours_and_errors_are_one_line(tmp_path: Path):
    article = {
        "title": "Towns",
        "paragraphs": [{
            "context": "Brno has nine bridges.",
            "qas": [{"id": "1", "question": "How many bridges has Brno?",
                     "answers": [{"text": "nine", "answer_start": 9}]}],
        }],
    }  # fmt: skip
    (tmp_path / "set.json").write_text(json.dumps({"data": [article]}))
    made = kb(tmp_path / "data", "import", "set.json", "--out", "towns")
    again = kb(tmp_path / "data", "import", "set.json", "--out", "towns")

    assert made.stdout.startswith("1 questions and 1 documents."), made.stderr
    assert (tmp_path / "towns" / "documents" / "Towns.txt").read_text().endswith("nine bridges.")
    assert '"answers": ["nine"]' in (tmp_path / "towns" / "questions.jsonl").read_text()
    assert again.returncode == 1
    assert again.stderr == "kb: towns exists already. Name a folder that is new or empty.\n"
