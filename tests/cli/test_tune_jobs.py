"""`kb tune run` and what looks at jobs, by a server here and by one that is killed on the way."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from cli.tune.jobs import followed
from client.http import Client
from tests.api.serving import serving
from tests.cli.commands import kb_command
from tests.server import start_server
from tests.tune.trained import ROWS, make_base, scripted


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    file = tmp_path / "rows.jsonl"
    file.write_text(ROWS)
    return file


def test_a_file_becomes_a_model(tmp_path: Path, rows: Path):
    make_base(tmp_path / "data")
    with serving(tmp_path / "data", tuning=scripted(tmp_path)) as served:
        run = ("tune", "run", str(rows), "--model", "tiny", "--suffix", "a", "--set", "n_epochs=1")
        job = json.loads(kb_command(served, *run, "--json").output)
        assert (job["status"], job["hyperparameters"]["n_epochs"]) == ("succeeded", 1)

        listed = kb_command(served, "tune", "jobs").output
        assert listed.split()[:3] == [job["id"], "succeeded", "tiny"]
        shown = kb_command(served, "tune", "show", job["id"]).output
        assert f"model {job['fine_tuned_model']}" in shown
        line = json.loads(kb_command(served, "tune", "show", job["fine_tuned_model"]).output)
        assert line["steps"][0]["training_file"] == job["training_file"]

        later = kb_command(served, *run, "--no-follow", "--set", "n_epochs=900").output
        job_id = later.partition(":")[0]
        assert kb_command(served, "tune", "pause", job_id).output == f"{job_id}: paused\n"
        assert kb_command(served, "tune", "cancel", job_id).output == f"{job_id}: cancelled\n"
        assert kb_command(served, "tune", "delete", job_id).exit_code == 0


def test_a_failed_job_says_why(tmp_path: Path):
    file = tmp_path / "no.jsonl"
    file.write_text('{"a": 1}\n')
    make_base(tmp_path / "data")
    with serving(tmp_path / "data", tuning=scripted(tmp_path)) as served:
        done = kb_command(served, "tune", "run", str(file), "--model", "tiny")
        assert done.exit_code == 1
        assert "holds no row that can be read" in done.output


def test_a_job_is_followed_past_a_killed_server_and_goes_on_from_its_checkpoint(
    tmp_path: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("cli.tune.jobs.AGAIN_S", 0.1)
    make_base(tmp_path / "data")
    trainer = str(scripted(tmp_path).python)
    data = tmp_path / "data"
    first = start_server(data, KB_TUNING__PYTHON=trainer)
    port = first.url.rpartition(":")[2]
    seen: list[int] = []
    ended: list[str] = []
    half = threading.Event()

    def progress(event: dict) -> None:
        seen.extend([event["data"]["step"]] if event["kind"] == "metrics" else [])
        if len(seen) > 20:
            half.set()

    with Client(first.url, first.key) as client:
        file_id = client.store(rows, "fine-tune")["id"]
        asked = {"model": "tiny", "training_file": file_id, "hyperparameters": {"n_epochs": 25}}
        job_id = client.send("POST", "/v1/tuning/jobs", asked)["id"]

        def follow() -> None:
            ended.append(followed(client, job_id, progress)["status"])

        following = threading.Thread(target=follow)
        following.start()
        assert half.wait(60)
        first.kill()
        second = start_server(data, "--port", port, KB_TUNING__PYTHON=trainer)
        try:
            following.join(60)
        finally:
            second.kill()
    assert ended == ["succeeded"]
    assert sorted(set(seen)) == list(range(1, 101))
    assert len(seen) <= 103, "what the checkpoint held is not trained again"
