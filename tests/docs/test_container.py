"""What can be said about the image without building it."""

from __future__ import annotations

import re

from tests.docs.pages import ROOT, page


def test_the_image_runs_as_nobody_special_with_a_health_check_and_a_volume():
    text = page("Dockerfile")
    assert re.search(r"^HEALTHCHECK .*\n?.*healthz", text, re.MULTILINE)
    assert re.search(r"^USER (?!root|0)\w+$", text, re.MULTILINE)
    assert re.search(r"^VOLUME /data$", text, re.MULTILINE)
    assert re.search(r"^EXPOSE 8000$", text, re.MULTILINE)


def test_the_image_pins_its_base_and_its_packages():
    text = page("Dockerfile")
    bases = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert all(re.fullmatch(r"python:3\.\d+-slim-\w+", base) for base in bases)
    assert "latest" not in text
    assert "requirements.lock" in text


def test_the_build_sends_only_what_the_image_needs():
    lines = [line for line in page(".dockerignore").splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    sent = {line[1:] for line in lines if line.startswith("!")}
    assert {"kb", "api", "ingest", "docs", "README.md", "requirements.lock"} <= sent
    assert not sent & {"tests", "data", ".env", ".git", ".venv"}
    assert all((ROOT / name).exists() or name == "eval" for name in sent)
