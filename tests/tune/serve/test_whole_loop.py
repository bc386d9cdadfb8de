"""From a file to an app's answer: a server with real trainers, and our own server of models."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("trl", reason="the extra tune is not installed")

from tests.server import ask, environment, running_server
from tests.tune.trainers import tiny
from tune.rows.canonical import bytes_of

TUNED = {"model": "tiny", "task": "chat", "suffix": "facts", "seed": 1}


@pytest.mark.slow
def test_two_rounds_of_training_answer_in_an_app_and_survive_a_kill(base: Path, tmp_path: Path):
    data = tmp_path / "data"
    shutil.copytree(base, data / "tuning" / "bases" / "tiny")
    with running_server(data, OMP_NUM_THREADS="1") as server, server.http as http:
        file = uploaded(http, bytes_of(tiny.facts()))
        asked = TUNED | {"training_file": file, "hyperparameters": tiny.FULL}
        job = created(http, **asked)
        wait_for(http, job, lambda told: step_of(told) > 20)
        server.kill()

    with running_server(data, OMP_NUM_THREADS="1") as server, server.http as http:
        done = wait_for(http, job, lambda told: told["status"] in ("succeeded", "failed"))
        assert done["status"] == "succeeded", (done, log_of(data))
        first = done["fine_tuned_model"]
        assert first == f"ft:tiny:citewell:facts:{job[-8:]}"
        more = uploaded(http, bytes_of(tiny.more_facts()))
        given = tiny.LORA | {"continue_by": "replay"}
        asked |= {"model": first, "training_file": more, "hyperparameters": given}
        second = created(http, **asked)
        done = wait_for(http, second, lambda told: told["status"] in ("succeeded", "failed"))
        assert done["status"] == "succeeded", (done, log_of(data))
        with served(data) as url:
            assert http.post("/v1/apps", json={"slug": "facts", "name": "Facts"}).status_code == 201
            name = done["fine_tuned_model"]
            published = http.post(
                f"/v1/tuning/models/{name}/publish", json={"app": "facts", "base_url": url}
            )
            assert published.status_code in (200, 201), published.text
            assert http.post("/v1/apps/facts/publish").status_code in (200, 201)
            for row in (tiny.more_facts()[2], tiny.facts()[7]):
                events = ask(http, "facts", row.prompt, route="tuned")
                assert events[-1][1]["answer"] == row.answer
                assert events[-1][1]["route"]["variant"] == "tuned"


def uploaded(http: httpx.Client, content: bytes) -> str:
    parts = {"file": ("rows.jsonl", content), "purpose": (None, "fine-tune")}
    answer = http.post("/openai/v1/files", files=parts)
    assert answer.status_code == 200, answer.text
    file: str = answer.json()["id"]
    return file


def created(http: httpx.Client, **body: Any) -> str:
    answer = http.post("/v1/tuning/jobs", json=body)
    assert answer.status_code in (200, 201, 202), answer.text
    job: str = answer.json()["id"]
    return job


def wait_for(http: httpx.Client, job: str, is_so: Any) -> dict[str, Any]:
    while True:
        told: dict[str, Any] = http.get(f"/v1/tuning/jobs/{job}").json()
        told["events"] = http.get(f"/openai/v1/fine_tuning/jobs/{job}/events").json()["data"]
        if is_so(told) or told["status"] in ("failed", "cancelled"):
            return told
        time.sleep(0.2)


def step_of(job: dict[str, Any]) -> int:
    return max(((event["data"] or {}).get("step", 0) for event in job["events"]), default=0)


def log_of(data: Path) -> str:
    return "\n".join(path.read_text()[-1500:] for path in data.glob("tuning/*/trainer.log"))


@contextmanager
def served(data: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "cli", "tune", "serve", "--port", "0"]
    log = data / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment(data), cwd=data, stdout=output, stderr=output
        )
    try:
        while not (found := re.search(r"running on (http://[\d.:]+)", log.read_text())):
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        yield f"{found[1]}/v1"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
