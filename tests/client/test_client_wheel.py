"""The client is a wheel of its own: built and used without anything else of the product."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from contextlib import suppress
from importlib import metadata
from pathlib import Path

import pytest

from tests.api.serving import serving

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "client" / "pyproject.toml").read_text())["project"]
SEARCH = """
import json, sys
from citewell_client.errors import DatasetNotFound
from citewell_client.http import Client
from citewell_client.retrievers.passages import over_http

url, key = sys.argv[1:]
try:
    over_http(url, key, "earth")
except DatasetNotFound as exc:
    refused = exc.code
(passage,) = over_http(url, key, "sky", top_k=1)("When does the moon rise?")
with Client(url, key) as client:
    asked = {"query": "When does the moon rise?"}
    answer = list(client.events("POST", "/v1/apps/stars/chat", asked))
ours = sorted(name for name in sys.modules if name.split(".")[0] in ("kb", "api", "client"))
print(json.dumps([refused, passage.document_name, answer[-1][0], ours]))
"""


def needed(requirement: str, found: set[str]) -> set[str]:
    """The names of an installed distribution and of all that it needs here."""
    name = re.split(r"[^\w.-]", requirement)[0].lower()
    if name not in found and "extra ==" not in requirement:
        with suppress(metadata.PackageNotFoundError):  # needed by other Pythons only
            inner = metadata.requires(name) or ()
            found.add(name)
            for each in inner:
                needed(each, found)
    return found


def copied(distributions: set[str], target: Path) -> None:
    """Copy installed packages into a folder: there is no network to install them from."""
    for name in distributions:
        for file in metadata.files(name) or ():
            if ".." not in file.parts:
                (target / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file.locate(), target / file)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that holds the wheel and what it asks for, no more."""
    folder = tmp_path_factory.mktemp("wheel")
    waste = shutil.ignore_patterns("__pycache__", "build", "*.egg-info")
    source = shutil.copytree(ROOT / "client", folder / "client", ignore=waste)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = ["wheel", "--no-index", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    subprocess.run([*pip, *build, str(source)], check=True)
    (wheel,) = folder.glob("citewell_client-*.whl")
    venv.create(folder / "env", with_pip=False)
    paths = {"base": str(folder / "env"), "platbase": str(folder / "env")}
    site = Path(sysconfig.get_path("purelib", "venv", paths))
    copied(set().union(*(needed(line, set()) for line in PROJECT["dependencies"])), site)
    shutil.unpack_archive(wheel, site, "zip")
    return folder / "env" / "bin" / "python"


def test_the_wheel_searches_and_asks_a_running_server_without_the_server_s_packages(
    python: Path, tmp_path: Path
):
    with serving(tmp_path / "data") as served:
        sky = served.new_dataset("sky", {"moon.md": "The moon rises over Ostrava at nine.\n"})
        served.new_app("stars", dataset_ids=[sky])
        done = subprocess.run(
            [python, "-c", SEARCH, served.url, served.kb.access.admin_key],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"]},
        )
    assert done.stderr == ""
    assert json.loads(done.stdout) == ["not_found", "moon.md", "run.completed", []]


def test_client_and_server_have_one_version():
    server = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert PROJECT["version"] == server["version"]
    assert set(PROJECT["dependencies"]) <= set(server["dependencies"])
