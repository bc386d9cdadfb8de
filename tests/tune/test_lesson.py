"""The whole lesson with OpenAI's own package: a model is tuned, served, asked, and tuned again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("trl", reason="the extra tune is not installed")

import uvicorn

from tests.api.serving import serving
from tests.dialects.openai.scripts import HERE, python
from tune.serve.app import create_app
from tune.serve.engine import Engine, catalogue

PATIENCE_S = 600


@contextmanager
def tune_serve(tuning: Path) -> Iterator[str]:
    """What `kb tune serve` runs, here; gives its base URL."""
    bases = tuning / "bases"
    app = create_app(partial(catalogue, bases, tuning), Engine(bases), "")
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    server.should_exit = True
    thread.join()


@pytest.mark.slow
def test_a_model_is_tuned_served_and_says_what_it_learnt(
    stock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    tuning = tmp_path / "data" / "tuning"
    shutil.copytree(stock / "model", tuning / "bases" / "tiny")
    with serving(tmp_path / "data") as served, tune_serve(tuning) as url:
        pointed = {
            "OPENAI_BASE_URL": f"{served.url}/openai/v1",
            "OPENAI_API_KEY": served.kb.access.admin_key,
            "SERVED_BY": url,
            "EPOCHS": "120",
        }
        done = subprocess.run(
            [python("openai3") / "python", HERE / "python" / "openai_fine_tuning.py"],
            env=os.environ | pointed,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["first"]["status"] == "succeeded", found["first"]
    assert found["streamed"] == "It is 3."
    assert found["second"]["status"] == "succeeded", found["second"]
