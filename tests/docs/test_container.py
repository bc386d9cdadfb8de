"""What can be said about the images without building them."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import ROOT, page


def stages() -> dict[str, str]:
    """The lines of each stage, after those of the stage that it starts from."""
    found: dict[str, str] = {}
    parts = re.split(r"^FROM (\S+) AS (\S+)$", page("Dockerfile"), flags=re.MULTILINE)[1:]
    for base, name, lines in zip(*[iter(parts)] * 3, strict=True):
        found[name] = found.get(base, "") + lines
    return found


@pytest.mark.parametrize("target", ["slim", "full"])
def test_an_image_runs_as_nobody_special_with_a_health_check_and_a_volume(target: str):
    text = stages()[target]
    assert re.search(r"^HEALTHCHECK .*\n?.*healthz", text, re.MULTILINE)
    assert re.search(r"^USER (?!root|0)\w+$", text.strip().splitlines()[-1])
    assert re.search(r"^VOLUME /data$", text, re.MULTILINE)
    assert re.search(r"^EXPOSE 8000$", text, re.MULTILINE)


def test_the_slim_image_is_built_unless_another_is_asked_for():
    assert list(stages())[-1] == "slim"


def test_only_the_full_image_has_the_models_extra_and_an_ocr_engine():
    assert "tesseract-ocr" in stages()["full"]
    assert "--from=packages-with-models /opt/venv" in stages()["full"]
    assert "requirements-models.lock" in stages()["packages-with-models"]
    assert "tesseract" not in stages()["slim"]
    assert "models" not in stages()["slim"] + stages()["packages"]


def test_the_images_pin_their_base_and_their_packages():
    text = page("Dockerfile")
    bases = set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) - stages().keys()
    assert bases
    assert all(re.fullmatch(r"python:3\.\d+-slim-\w+", base) for base in bases)
    assert "latest" not in text
    installed = set(re.findall(r"pip install (.+?)(?: \\)?$", text, re.MULTILINE))
    assert installed == {
        "--no-deps -r /app/requirements-cluster.lock",
        "--no-deps --no-build-isolation --editable /app",
        "-r /app/requirements-models.lock",
    }


def test_the_build_sends_only_what_the_images_need():
    lines = [line for line in page(".dockerignore").splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    sent = {line[1:] for line in lines if line.startswith("!")}
    assert {"kb", "api", "ingest", "docs", "README.md"} <= sent
    assert {"requirements.lock", "requirements-cluster.lock", "requirements-models.lock"} <= sent
    assert not sent & {"tests", "data", ".env", ".git", ".venv"}
    assert all((ROOT / name).exists() or name == "eval" for name in sent)
