"""Which version runs, and with what: told by the command, the server, its log and its pages."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from tests.cli.test_cli import kb
from tests.server import ROOT, ServerProcess, running_server

pytestmark = pytest.mark.slow  # processes of their own

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
BASE_URL = "http://127.0.0.1:9/v1"


def first_line(server: ServerProcess) -> str:
    return server.log.read_text().splitlines()[0]


def test_the_command_tells_its_version_without_a_data_folder_or_valid_settings(tmp_path: Path):
    done = kb(tmp_path / "data", "--version", KB_FOO="1")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"citewell {VERSION}\n", "")
    assert list(tmp_path.iterdir()) == []


def test_the_first_line_of_the_log_tells_version_folder_embedder_and_models(tmp_path: Path):
    data = tmp_path / "data"
    with running_server(data) as server:
        line = first_line(server)
        assert f"Citewell {VERSION}, data folder {data}, embedder hash, " in line
        assert line.endswith("no language model: answers are quotations")
        assert server.http.get("/healthz").json() == {"status": "ok", "version": VERSION}
        body = {"name": "house", "model": "m", "base_url": BASE_URL, "api_key": "hush"}
        server.http.post("/v1/models", json=body).raise_for_status()
    server.log.unlink()
    with running_server(data, KB_LLM__MODEL="m-1", KB_LLM__BASE_URL=BASE_URL) as again:
        assert first_line(again).endswith("language models: default (m-1), house")
        assert "quotations" not in again.log.read_text()
        assert "KB_LLM__MODEL" not in again.log.read_text()


def test_a_base_url_without_a_model_is_warned_of_at_the_start(tmp_path: Path):
    with running_server(tmp_path / "data", KB_LLM__BASE_URL=BASE_URL) as server:
        (warning,) = re.findall(r".* WARNING .*", server.log.read_text())
    assert "KB_LLM__BASE_URL is set without KB_LLM__MODEL" in warning


def test_the_description_of_the_api_names_the_version():
    assert json.loads((ROOT / "docs" / "openapi.json").read_text())["info"]["version"] == VERSION
