"""Clients generated from docs/openapi.json have the types that a chat, a search and a draft need.

What generates and checks them is installed by `.ci/run`, beside the files of each language.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DESCRIPTION = HERE.parents[1] / "docs" / "openapi.json"
NODE_MODULES = HERE / "typescript" / "node_modules"
PYTHON = HERE / "python" / ".venv" / "bin"


def run(*command: str | Path, cwd: Path, path: str = "") -> None:
    environment = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.needs("node")
@pytest.mark.skipif(not NODE_MODULES.is_dir(), reason="npm ci was not run")
def test_a_typescript_client_has_the_types_that_it_needs(tmp_path: Path):
    shutil.copy(HERE / "typescript" / "use.ts", tmp_path)
    generator = NODE_MODULES / "openapi-typescript" / "bin" / "cli.js"
    run("node", generator, DESCRIPTION, "-o", tmp_path / "schema.d.ts", cwd=tmp_path)

    strict = ("--noEmit", "--strict", "--target", "es2022", "--lib", "es2022,dom")
    compiler = NODE_MODULES / "typescript" / "bin" / "tsc"
    run("node", compiler, *strict, "--module", "preserve", "use.ts", cwd=tmp_path)


@pytest.mark.skipif(not PYTHON.is_dir(), reason="the client generator is not installed")
def test_a_python_client_has_the_types_that_it_needs(tmp_path: Path):
    generator = PYTHON / "openapi-python-client"
    made = ("--output-path", tmp_path / "made")
    run(generator, "generate", "--path", DESCRIPTION, *made, cwd=tmp_path, path=str(PYTHON))

    shutil.copy(HERE / "python" / "use.py", tmp_path / "made")
    run(PYTHON / "mypy", "--strict", "--follow-imports=silent", "use.py", cwd=tmp_path / "made")
