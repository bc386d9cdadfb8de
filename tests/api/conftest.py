"""One server per test module: starting one takes longer than most of these tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kb.models.fake.server import FakeModelServer
from tests.api.serving import Served, serving
from tests.api.talking import MOON, make_apps
from tests.fake_models import running_fake_server


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def upstream() -> Iterator[FakeModelServer]:
    with running_fake_server() as server:
        yield server


@pytest.fixture(scope="module")
def sky(served: Served) -> str:
    return served.new_dataset("sky", {"moon.md": MOON, "sun.md": "The sun sets at five."})


@pytest.fixture(scope="module")
def talking_apps(served: Served, upstream: FakeModelServer, sky: str) -> None:
    make_apps(served, upstream.base_url, sky)
