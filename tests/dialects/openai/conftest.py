"""One server for all clients."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kb.models.fake.server import FakeModelServer
from tests.api.serving import Served, serving
from tests.api.talking import MOON, make_apps
from tests.fake_models import running_fake_server


@pytest.fixture(scope="package")
def upstream() -> Iterator[FakeModelServer]:
    with running_fake_server() as server:
        yield server


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory, upstream: FakeModelServer) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served") / "data") as running:
        make_apps(running, upstream.base_url, running.new_dataset("sky", {"moon.md": MOON}))
        yield running
